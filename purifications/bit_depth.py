"""Fewer bits a channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from antibench.contracts import Card, ImageU8

from ._strength import whole


@dataclass(frozen=True)
class BitDepth:
    """Strength is the bits that are left of each channel's eight, a whole number from 1 to 7."""

    name: ClassVar[str] = "bit-depth"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Bit depth reduction, bits a channel",
        source="Xu, Evans and Qi, Feature Squeezing, NDSS 2018 (colour depth)",
        year=2018,
        arxiv="1704.01155",
        licence="BSD-3-Clause (NumPy)",
        notes="Rounds to the nearest of 2**bits levels from 0 to 255; to drop the low bits, as posterising does, would "
        "darken the photo.",
    )
    grid: ClassVar[tuple[float, ...]] = (6, 5, 4, 3)
    stochastic: ClassVar[bool] = False
    backend: ClassVar[str] = "numpy rint"

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        """Round the levels of an (H, W, 3) uint8 image."""
        steps = _steps(strength)
        return np.rint(np.rint(image / 255 * steps) / steps * 255).astype(np.uint8)

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        """The same levels; the gradient passes unchanged: (1, 3, H, W) -> (1, 3, H, W)."""
        steps = _steps(strength)
        return (image * steps).detach().round() / steps + (image - image.detach())


def _steps(strength: float) -> int:
    return int(2 ** whole("bit-depth", strength, "the bits left of each channel", 1, 7) - 1)
