"""The photo printed and scanned again, or photographed from paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
import torch
from PIL import features

from antibench.contracts import Card, ImageU8
from antibench.pixels import to_float, to_u8

from ._jpeg_twin import jpeg_twin
from ._paper import Tier, scanned
from ._strength import whole
from .jpeg import Jpeg

_TIERS = (
    Tier(0.9, 0.02, 0.01, 0.5, 0.01, 92),
    Tier(0.8, 0.04, 0.02, 0.8, 0.02, 85),
    Tier(0.7, 0.08, 0.04, 1.6, 0.04, 75),
)


@dataclass(frozen=True)
class PrintScan:
    """Strength is the tier 1, 2 or 3: a good flatbed scan, a photo of a print, a poor photo of one."""

    name: ClassVar[str] = "print-scan"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Print and scan, tier: colours, perspective, blur, noise, JPEG",
        source="after Tancik, Mildenhall and Ng, StegaStamp, CVPR 2020: the perturbations between encoder and decoder",
        year=2020,
        arxiv="1904.05343",
        licence="MIT (the reference, read for its parts; nothing copied)",
        reference="tancik/StegaStamp 05c7a9feb0b019ead6b0a9dce477eceb1427121d",
        native_space="RGB, [0, 1]",
        deviations=(
            "Sizes are fixed by tier, where StegaStamp draws them; no motion blur, no hue.",
            "Colours are lost before the perspective, as on paper; edges are repeated where the view leaves the photo.",
            "All sizes are this project's proposal; nothing was printed to measure them.",
        ),
    )
    grid: ClassVar[tuple[float, ...]] = (1, 2, 3)
    stochastic: ClassVar[bool] = True
    backend: ClassVar[str] = (
        f"torch grid_sample, opencv {cv2.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}"
    )

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        """Print and scan an (H, W, 3) uint8 image."""
        tier, photo = _tier(strength), to_float(image)
        corners = torch.from_numpy(rng.uniform(-1, 1, (4, 2))).to(photo)
        noise = torch.from_numpy(rng.normal(size=photo.shape)).to(photo)
        return Jpeg().apply(to_u8(scanned(photo, tier, corners, noise)), strength=tier.quality, rng=rng)

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        """The same with draws from the generator and a codec in torch, smooth: (1, 3, H, W) -> (1, 3, H, W)."""
        tier, where = _tier(strength), generator.device
        corners = torch.rand((4, 2), generator=generator, device=where).to(image) * 2 - 1
        noise = torch.randn(image.shape, generator=generator, device=where).to(image)
        return jpeg_twin(scanned(image, tier, corners, noise), quality=tier.quality, halve_chroma=True)


def _tier(strength: float) -> Tier:
    return _TIERS[whole("print-scan", strength, "the tier", 1, 3) - 1]
