"""Down by a filter, up again by a super-resolution network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antibench.contracts import Card, Place

from ._cards import EMBEDDED, SWIN2SR
from ._learned import Learned
from ._networks import check_network, resized
from ._upscaling import upscaler_of


@dataclass(frozen=True)
class SrDownUp(Learned):
    """Strength is the scale of the smaller photo, in (0, 1).

    Attributes:
        network: "purifier-sr-small", or a Swin2SR on the hub such as caidas/swin2SR-classical-sr-x2-64.
        revision: Its commit on the hub.
    """

    network: str = "purifier-sr-small"
    revision: str = ""
    name: ClassVar[str] = "sr-down-up"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Resize down, and up again by super-resolution",
        source="Lim et al. 2017 (embedded network); Conde et al. 2022 (Swin2SR)",
        year=2022,
        arxiv="2209.11345",
        citation=SWIN2SR,
        licence="caidas/swin2SR-classical-sr-x2-64: Apache-2.0",
        native_space="RGB in [0, 1], any size; Swin2SR was trained on patches of 64 px",
        deviations=(
            "Swin2SR in place of Real-ESRGAN, which needs code that neither diffusers nor transformers holds.",
            "The network enlarges as often as it takes to reach the photo's size; what is beyond it is resized away.",
            "At 64 px half the size leaves 32: the same scale destroys more of a face than at 256 px.",
        ),
        notes=f"{EMBEDDED} A photo of 64 px takes about 0.01 s of one core.",
    )
    grid: ClassVar[tuple[float, ...]] = (0.75, 0.5, 0.25)
    stochastic: ClassVar[bool] = False
    backend: ClassVar[str] = "torch conv2d, transformers Swin2SR"
    local_files: ClassVar[tuple[str, ...]] = ("config.json",)

    def __post_init__(self) -> None:
        check_network(self, "super-resolution")

    def purified(self, photo: Tensor, strength: float, generator: torch.Generator, place: Place) -> Tensor:
        """Resize (1, 3, H, W) in [0, 1] down, and let the network enlarge it again."""
        if not 0 < strength < 1:
            raise ValueError(f"sr-down-up strength is a scale between 0 and 1, got {strength}")
        upscale = upscaler_of(self, place)
        height, width = photo.shape[-2:]
        restored = resized(photo, (max(1, round(height * strength)), max(1, round(width * strength))))
        while restored.shape[-2] < height or restored.shape[-1] < width:
            restored = upscale(restored)
        return resized(restored, (height, width))
