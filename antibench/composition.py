"""Purifications one after the other, as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from antibench.contracts import Card, ImageU8, Purification
from antibench.pixels import as_saved


@dataclass(frozen=True)
class Composition:
    """Purifications at fixed strengths, applied from left to right with 8-bit pixels between.

    A run applies the parts as jobs of their own, so that what several compositions begin with is made once; this class
    is for contract checks, twins and use from Python.

    Attributes:
        steps: (purification, strength) pairs.
    """

    steps: tuple[tuple[Purification, float], ...]

    name: ClassVar[str] = "composition"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(title="Purifications one after the other")
    grid: ClassVar[tuple[float, ...]] = (1.0,)
    """One: each part has its own strength."""

    @property
    def stochastic(self) -> bool:
        """Whether any part is."""
        return any(part.stochastic for part, _ in self.steps)

    @property
    def backend(self) -> str:
        """Those of the parts."""
        return "; ".join(part.backend for part, _ in self.steps)

    def apply(self, image: ImageU8, *, strength: float = 1.0, rng: np.random.Generator) -> ImageU8:
        """Purify an (H, W, 3) uint8 image; each part draws from a generator of its own, spawned from `rng`."""
        for (part, own), generator in zip(self.steps, rng.spawn(len(self.steps)), strict=True):
            image = part.apply(image, strength=own, rng=generator)
        return image

    def twin(self, image: torch.Tensor, *, strength: float = 1.0, generator: torch.Generator) -> torch.Tensor | None:
        """The twins of the parts in turn, rounded between as 8-bit pixels are; None if any part has none."""
        for index, (part, own) in enumerate(self.steps):
            seen = part.twin(as_saved(image) if index else image, strength=own, generator=generator)
            if seen is None:
                return None
            image = seen
        return image
