"""AdverseCleaner: many bilateral filters, then guided filters that take the photo itself as guide."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import cv2
import numpy as np
import torch
from torch.utils.checkpoint import checkpoint

from antibench.contracts import Card, ImageU8
from antibench.pixels import to_float, to_u8

from ._bilateral import bilateral
from ._guided_filter import guided_filter
from ._strength import whole

_DIAMETER, _SIGMA = 5, 8.0  # pixels; levels in colour and pixels in space
_GUIDED_PASSES, _RADIUS, _EPSILON = 4, 4, 16.0  # pixels; squared levels


@dataclass(frozen=True)
class AdverseCleaner:
    """Strength is the number of bilateral passes, a whole number from 1 to 1024; the original makes 64.

    Attributes:
        guided: Whether the four guided passes follow. The author warns that they may bring the perturbation back.
    """

    guided: bool = True
    name: ClassVar[str] = "adverse-cleaner"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="AdverseCleaner, bilateral passes then guided filter",
        source="https://github.com/lllyasviel/AdverseCleaner, clean.py",
        year=2023,
        reference="lllyasviel/AdverseCleaner e344ee5655481cd779e41b7c517024d100ab1000",
        licence="Apache-2.0 (OpenCV); the reference was read for its steps, its licence was not seen",
        native_space="RGB, 0 to 255, float32",
        deviations=(
            "The guided filter is this project's own, with mirrored edges, where the original calls cv2.ximgproc.",
            "The result is rounded; the original truncates, which darkens by half a level.",
            "Strengths other than 64 are this project's.",
        ),
    )
    grid: ClassVar[tuple[float, ...]] = (16, 64, 128)
    stochastic: ClassVar[bool] = False
    backend: ClassVar[str] = f"opencv-python-headless bilateralFilter, torch, opencv {cv2.__version__}"

    def __post_init__(self) -> None:
        if type(self.guided) is not bool:
            raise ValueError(f"guided must be true or false, got {self.guided!r}")

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        """Filter an (H, W, 3) uint8 image in float32, rounded at the end."""
        levels = np.ascontiguousarray(image, dtype=np.float32)
        for _ in range(_passes(strength)):
            levels = cv2.bilateralFilter(levels, _DIAMETER, _SIGMA, _SIGMA)
        cleaned = torch.from_numpy(levels).permute(2, 0, 1)[None]
        return to_u8(self._after(cleaned, to_float(image) * 255) / 255)

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        """The same passes without rounding; each is computed again for the gradient: (1, 3, H, W) -> (1, 3, H, W)."""
        levels = image * 255
        once = partial(bilateral, diameter=_DIAMETER, sigma_colour=_SIGMA, sigma_space=_SIGMA)
        for _ in range(_passes(strength)):
            levels = checkpoint(once, levels, use_reentrant=False, preserve_rng_state=False)
        return (self._after(levels, image * 255) / 255).clamp(0, 1)

    def _after(self, levels: torch.Tensor, guide: torch.Tensor) -> torch.Tensor:
        if not self.guided:
            return levels
        exact = guide.double()  # variances of 0 to 65025 beside an epsilon of 16
        cleaned = guided_filter(levels.double(), exact, radius=_RADIUS, epsilon=_EPSILON, passes=_GUIDED_PASSES)
        return cleaned.to(guide)


def _passes(strength: float) -> int:
    return whole("adverse-cleaner", strength, "the number of bilateral passes", 1, 1024)
