"""Total variation minimisation after dropping pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from antibench.contracts import Card, ImageU8
from antibench.pixels import to_float, to_u8

from ._strength import between
from ._total_variation import restored


@dataclass(frozen=True)
class Tvm:
    """Strength is the weight of the total variation on [0, 1], above 0 and up to 1; 0.03 is the original's.

    Attributes:
        drop: Share of the values, each channel by itself, that are forgotten before; from 0, below 1.
    """

    drop: float = 0.5
    name: ClassVar[str] = "tvm"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Total variation minimisation after pixel drop, weight",
        source="Guo et al., Countering Adversarial Images using Input Transformations, ICLR 2018, equation 2",
        year=2018,
        arxiv="1711.00117",
        licence="none needed: the reference was read for its objective, its licence was not seen",
        reference="facebookarchive/adversarial_image_defenses 405d78b41147451adcddbb2d0a4442f0d9d3038f",
        native_space="RGB, [0, 1]",
        deviations=(
            "Primal-dual steps in place of split Bregman for the same objective: no inner loop, and a gradient.",
            "200 steps; the reference stops at a change below 0.01, far from the minimum where values are missing.",
            "Weights other than 0.03 are this project's.",
        ),
    )
    grid: ClassVar[tuple[float, ...]] = (0.01, 0.03, 0.1)
    stochastic: ClassVar[bool] = True
    backend: ClassVar[str] = "torch"

    def __post_init__(self) -> None:
        if not 0 <= self.drop < 1:
            raise ValueError(f"drop is a share from 0, below 1, got {self.drop!r}")

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        """Drop and restore values of an (H, W, 3) uint8 image."""
        photo = to_float(image)
        keep = torch.from_numpy(rng.random(size=photo.shape) >= self.drop)
        with torch.no_grad():
            return to_u8(restored(photo, keep.to(photo), _weight(strength)))

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        """The same solver with drops from the generator, without rounding: (1, 3, H, W) -> (1, 3, H, W)."""
        keep = torch.rand(image.shape, generator=generator, device=generator.device) >= self.drop
        return restored(image, keep.to(image), _weight(strength)).clamp(0, 1)


def _weight(strength: float) -> float:
    return between("tvm", strength, "the weight of the total variation", 0, 1)
