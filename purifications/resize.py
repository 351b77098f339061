"""Down-up resizing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, cast

import numpy as np
import torch
from PIL import Image

from antibench.contracts import Card, ImageU8

from ._resampling import resampled


@dataclass(frozen=True)
class Resize:
    """Strength is the scale of the smaller image, in (0, 1); both ways use the same antialiased filter."""

    filter: Literal["bicubic", "bilinear", "lanczos", "box"] = "bicubic"
    name: ClassVar[str] = "resize"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(title="Resize down and up again, named filter, antialiased", licence="MIT-CMU (Pillow)")
    grid: ClassVar[tuple[float, ...]] = (0.75, 0.5, 0.25)
    stochastic: ClassVar[bool] = False
    backend: ClassVar[str] = "pillow Image.resize"

    def __post_init__(self) -> None:
        if self.filter not in ("bicubic", "bilinear", "lanczos", "box"):
            raise ValueError(f"filter must be bicubic, bilinear, lanczos or box, got {self.filter!r}")

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        """Resize an (H, W, 3) uint8 image to `strength` times its sides (at least one pixel) and back."""
        height, width = image.shape[:2]
        how = Image.Resampling[self.filter.upper()]
        small = Image.fromarray(image).resize((_scaled(width, strength), _scaled(height, strength)), how)
        return cast(ImageU8, np.array(small.resize((width, height), how)))

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        """Pillow's own filter weights as matrices, without rounding: (1, 3, H, W) -> (1, 3, H, W)."""
        height, width = image.shape[-2:]
        how = Image.Resampling[self.filter.upper()]
        small = resampled(image, _scaled(height, strength), _scaled(width, strength), how).clamp(0, 1)
        return resampled(small, height, width, how).clamp(0, 1)


def _scaled(side: int, scale: float) -> int:
    if not 0 < scale < 1:
        raise ValueError(f"resize strength is a scale between 0 and 1, got {scale}")
    return max(1, round(side * scale))
