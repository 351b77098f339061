"""Bilateral filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import cv2
import numpy as np
import torch

from antibench.contracts import Card, ImageU8

from ._bilateral import bilateral
from ._strength import between


@dataclass(frozen=True)
class Bilateral:
    """Strength is the spread in colour in 8-bit levels, summed over channels, above 0 and up to 765.

    Attributes:
        diameter: Of the neighbourhood in pixels, odd, from 3.
        sigma_space: Spread in pixels, above 0.
    """

    diameter: int = 9
    sigma_space: float = 3.0
    name: ClassVar[str] = "bilateral"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Bilateral filter, spread in colour",
        source="Tomasi and Manduchi, Bilateral Filtering for Gray and Color Images, ICCV 1998",
        year=1998,
        licence="Apache-2.0 (OpenCV)",
        deviations=("OpenCV's distance in colour: the sum of absolute differences, not CIE-Lab.",),
        notes="Diameter, spread in space and grid are this project's choice; no paper on protections fixes them.",
    )
    grid: ClassVar[tuple[float, ...]] = (30, 60, 120)
    stochastic: ClassVar[bool] = False
    backend: ClassVar[str] = f"opencv-python-headless bilateralFilter, opencv {cv2.__version__}"

    def __post_init__(self) -> None:
        if type(self.diameter) is not int or self.diameter < 3 or self.diameter % 2 == 0:
            raise ValueError(f"diameter must be an odd number from 3, got {self.diameter!r}")
        if not self.sigma_space > 0:
            raise ValueError(f"sigma_space must be above 0 pixels, got {self.sigma_space!r}")

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        """Filter an (H, W, 3) uint8 image."""
        sigma = _sigma(strength)
        return cast(ImageU8, cv2.bilateralFilter(np.ascontiguousarray(image), self.diameter, sigma, self.sigma_space))

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        """The same weighted mean without rounding: (1, 3, H, W) -> (1, 3, H, W)."""
        sigma = _sigma(strength) / 255
        out = bilateral(image, diameter=self.diameter, sigma_colour=sigma, sigma_space=self.sigma_space)
        return out.clamp(0, 1)


def _sigma(strength: float) -> float:
    return between("bilateral", strength, "the spread in colour in levels", 0, 3 * 255)
