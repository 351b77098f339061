"""Gaussian blur."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
import torch

from antibench.contracts import Card, ImageU8

from ._albumentations import albumentations, transform_once


@dataclass(frozen=True)
class GaussianBlur:
    """Strength is sigma in pixels, > 0. The kernel reaches four sigma to each side; borders are mirrored."""

    name: ClassVar[str] = "gaussian-blur"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(title="Gaussian blur, sigma in pixels", licence="MIT (albumentations)")
    grid: ClassVar[tuple[float, ...]] = (0.5, 1.0, 2.0)
    stochastic: ClassVar[bool] = False
    backend: ClassVar[str] = f"albumentations GaussianBlur, opencv {cv2.__version__}"

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        """Blur an (H, W, 3) uint8 image."""
        width = 2 * _radius(strength) + 1
        blur = albumentations.GaussianBlur(blur_limit=(width, width), sigma_limit=(strength, strength), p=1.0)
        return transform_once(blur, image, rng)

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        """The same convolution without rounding, as one matrix a side: (1, 3, H, W) -> (1, 3, H, W)."""
        rows, columns = (_matrix(side, strength).to(image) for side in image.shape[-2:])
        return (rows @ image @ columns.T).clamp(0, 1)


def _radius(sigma: float) -> int:
    if not sigma > 0:
        raise ValueError(f"gaussian-blur strength is sigma in pixels and must be above 0, got {sigma}")
    return math.ceil(4 * sigma)


def _matrix(side: int, sigma: float) -> torch.Tensor:
    radius = _radius(sigma)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    mirrored = np.pad(np.eye(side), ((radius, radius), (0, 0)), mode="reflect")
    matrix = np.zeros((side, side))
    for start, weight in enumerate(weights / weights.sum()):
        matrix += weight * mirrored[start : start + side]
    return torch.from_numpy(matrix)
