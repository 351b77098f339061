"""Central crop, resized back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
import torch
from PIL import Image

from antibench.contracts import Card, ImageU8

from ._resampling import resampled
from ._strength import between


@dataclass(frozen=True)
class CropResize:
    """Strength is the share of each side that is kept, above 0 and up to 1; bicubic, antialiased."""

    name: ClassVar[str] = "crop-resize"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Central crop, share of the side, resized back",
        source="Liang and Wu, Mist, 2023: 64 px off each border of 512, a share of 0.75",
        year=2023,
        arxiv="2305.12683",
        licence="MIT-CMU (Pillow)",
        deviations=("Whole pixels: at an odd remainder the crop lies half a pixel towards the upper left.",),
    )
    grid: ClassVar[tuple[float, ...]] = (0.9, 0.75, 0.5)
    stochastic: ClassVar[bool] = False
    backend: ClassVar[str] = "pillow Image.resize"

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        """Crop an (H, W, 3) uint8 image, at least to one pixel, and resize it to what it was."""
        height, width = image.shape[:2]
        cut = Image.fromarray(image).crop(_box(height, width, strength))
        return cast(ImageU8, np.array(cut.resize((width, height), Image.Resampling.BICUBIC)))

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        """Pillow's own weights as matrices, without rounding: (1, 3, H, W) -> (1, 3, H, W)."""
        height, width = image.shape[-2:]
        box = _box(height, width, strength)
        return resampled(image, height, width, Image.Resampling.BICUBIC, box).clamp(0, 1)


def _box(height: int, width: int, strength: float) -> tuple[int, int, int, int]:
    share = between("crop-resize", strength, "the share of the side that is kept", 0, 1)
    rows, columns = max(1, round(height * share)), max(1, round(width * share))
    top, left = (height - rows) // 2, (width - columns) // 2
    return left, top, left + columns, top + rows
