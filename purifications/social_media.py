"""What a platform does to an uploaded photo: a smaller one, as JPEG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
import torch
from PIL import Image, features

from antibench.contracts import Card, ImageU8

from ._jpeg_twin import jpeg_twin
from ._resampling import resampled
from ._strength import whole
from .jpeg import Jpeg

_LARGEST = (2048, 1080, 1080)  # long edge in pixels by tier
_QUALITIES = ((85,), (75,), (70, 70))
_HOW, _BACK = Image.Resampling.LANCZOS, Image.Resampling.BICUBIC


@dataclass(frozen=True)
class SocialMedia:
    """Strength is the tier 1, 2 or 3: long edge 2048 and JPEG 85; 1080 and 75; 1080 and 70, uploaded twice.

    The photo then gets its size back. A photo of 64 pixels stands for one of `long_edge` pixels, and is made smaller in
    the same proportion; a larger photo stands for itself.

    Attributes:
        long_edge: What the longer side of a smaller photo counts as, in pixels. 2048: only tiers 2 and 3 resize. 1:
            every photo stands for itself, and one of 1080 pixels or less is compressed only.
    """

    long_edge: int = 2048
    name: ClassVar[str] = "social-media"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Social media upload, tier: long edge and JPEG",
        source="long edges as measured by users of platforms in 2021; qualities are this project's proposal",
        licence="MIT-CMU (Pillow)",
        notes="Platforms change what they do and do not say it; no tier stands for one of them. Lanczos down, bicubic "
        "up, JPEG 4:2:0.",
    )
    grid: ClassVar[tuple[float, ...]] = (1, 2, 3)
    stochastic: ClassVar[bool] = False
    backend: ClassVar[str] = f"pillow Image.resize, Image.save, libjpeg-turbo {features.version('libjpeg_turbo')}"

    def __post_init__(self) -> None:
        if type(self.long_edge) is not int or self.long_edge < 1:
            raise ValueError(f"long_edge must be a whole number of pixels from 1, got {self.long_edge!r}")

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        """Upload an (H, W, 3) uint8 image and bring it back to its size."""
        tier, (height, width) = _tier(strength), image.shape[:2]
        rows, columns = self._size(height, width, tier)
        seen = cast(ImageU8, np.array(Image.fromarray(image).resize((columns, rows), _HOW)))
        for quality in _QUALITIES[tier - 1]:
            seen = Jpeg().apply(seen, strength=quality, rng=rng)
        return cast(ImageU8, np.array(Image.fromarray(seen).resize((width, height), _BACK)))

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        """The same weights and a codec in torch, smooth: (1, 3, H, W) -> (1, 3, H, W)."""
        tier, (height, width) = _tier(strength), image.shape[-2:]
        seen = resampled(image, *self._size(height, width, tier), _HOW).clamp(0, 1)
        for quality in _QUALITIES[tier - 1]:
            seen = jpeg_twin(seen, quality=quality, halve_chroma=True)
        return resampled(seen, height, width, _BACK).clamp(0, 1)

    def _size(self, height: int, width: int, tier: int) -> tuple[int, int]:
        scale = min(1.0, _LARGEST[tier - 1] / max(self.long_edge, height, width))
        return max(1, round(height * scale)), max(1, round(width * scale))


def _tier(strength: float) -> int:
    return whole("social-media", strength, "the tier", 1, 3)
