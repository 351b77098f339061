"""Spaces a perturbation may live in: coordinates of an image, and which of them may move how far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

from antibench.perturb.dct import dct2, idct2, low_frequencies
from antibench.perturb.lab import lab_to_rgb, rgb_to_lab


class Space(Protocol):
    """Coordinates of a (1, 3, H, W) image in [0, 1]."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Image to coordinates."""
        ...

    def inverse(self, coordinates: torch.Tensor) -> torch.Tensor:
        """Coordinates to image, differentiable; not clipped."""
        ...

    def free(self, coordinates: torch.Tensor) -> torch.Tensor:
        """1 where a coordinate may move and 0 where not; broadcasts to the coordinates."""
        ...

    def bound(self, epsilon: float) -> float:
        """Largest change of a free coordinate, in its own unit, for an RGB budget of `epsilon` on [0, 1]."""
        ...


@dataclass(frozen=True)
class RGB:
    """The pixels themselves; the bound is the budget."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """The image."""
        return image

    def inverse(self, coordinates: torch.Tensor) -> torch.Tensor:
        """The image."""
        return coordinates

    def free(self, coordinates: torch.Tensor) -> torch.Tensor:
        """Everything moves."""
        return torch.ones((1, 1, 1, 1), device=coordinates.device)

    def bound(self, epsilon: float) -> float:
        """The budget."""
        return epsilon


@dataclass(frozen=True)
class LabChroma:
    """a* and b* of CIE L*a*b*; lightness stays.

    Attributes:
        units_per_level: Bound in CIE units for each 8-bit level of budget. At 0.5 about half of the pixels of a
            photo under random signs stay within the RGB budget; well above it clipping in RGB changes the lightness.
    """

    units_per_level: float = 0.5

    def __post_init__(self) -> None:
        if not self.units_per_level > 0:
            raise ValueError(f"the bound of a* and b* must be above 0 CIE units a level, not {self.units_per_level}")

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(1, 3, H, W): L*, a*, b*."""
        return rgb_to_lab(image)

    def inverse(self, coordinates: torch.Tensor) -> torch.Tensor:
        """Back to sRGB; values leave [0, 1] where the colour leaves sRGB."""
        return lab_to_rgb(coordinates)

    def free(self, coordinates: torch.Tensor) -> torch.Tensor:
        """The chroma channels."""
        return torch.tensor([0.0, 1.0, 1.0], device=coordinates.device).view(1, 3, 1, 1)

    def bound(self, epsilon: float) -> float:
        """CIE units."""
        return self.units_per_level * epsilon * 255


@dataclass(frozen=True)
class LowFrequencyDCT:
    """Low-frequency coefficients of the whole-image DCT-II of each RGB channel.

    Attributes:
        share: Lowest share of the rows and of the columns that may move.
        rms: Root mean square of the change in RGB when every free coefficient sits at its bound, as a share of the
            budget. At 0.5 one pixel in twenty then reaches the budget and is clipped, which keeps the change low-pass.
    """

    share: float = 0.125
    rms: float = 0.5

    def __post_init__(self) -> None:
        if not (0 < self.share <= 1 and self.rms > 0):
            raise ValueError(f"DCT share must be in (0, 1] and rms above 0, not {self.share} and {self.rms}")

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Orthonormal coefficients, (1, 3, H, W)."""
        return dct2(image)

    def inverse(self, coordinates: torch.Tensor) -> torch.Tensor:
        """Back to RGB."""
        return idct2(coordinates)

    def free(self, coordinates: torch.Tensor) -> torch.Tensor:
        """The low corner."""
        height, width = coordinates.shape[-2:]
        return low_frequencies(height, width, self.share).to(coordinates.device)

    def bound(self, epsilon: float) -> float:
        """By Parseval, coefficients of size d on a share s of rows and columns have rms d s in the image."""
        return self.rms * epsilon / self.share
