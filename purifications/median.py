"""Median filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from antibench.contracts import Card, ImageU8


@dataclass(frozen=True)
class Median:
    """Strength is the side of the window in pixels, odd, from 3 to 31; each channel by itself, edges repeated."""

    name: ClassVar[str] = "median"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Median filter, odd window",
        source="Xu, Evans and Qi, Feature Squeezing, NDSS 2018 (local smoothing)",
        year=2018,
        arxiv="1704.01155",
        licence="Apache-2.0 (OpenCV)",
        deviations=("Windows of 3, 5 and 7 pixels and repeated edges; the paper takes 2 and 3 and mirrored edges.",),
    )
    grid: ClassVar[tuple[float, ...]] = (3, 5, 7)
    stochastic: ClassVar[bool] = False
    backend: ClassVar[str] = f"opencv-python-headless medianBlur, opencv {cv2.__version__}"

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        """Filter an (H, W, 3) uint8 image."""
        return cast(ImageU8, cv2.medianBlur(np.ascontiguousarray(image), _window(strength)))

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        """The same medians; the gradient goes to the pixel that is the median: (1, 3, H, W) -> (1, 3, H, W)."""
        side = _window(strength)
        padded = F.pad(image, (side // 2,) * 4, mode="replicate")
        windows = padded.unfold(2, side, 1).unfold(3, side, 1)
        return windows.flatten(4).median(dim=4).values


def _window(strength: float) -> int:
    if strength not in range(3, 32, 2):
        raise ValueError(f"median strength is the side of the window, an odd number from 3 to 31, got {strength}")
    return int(strength)
