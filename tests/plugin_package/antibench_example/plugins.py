"""The plugins of the example package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch

from antibench.contracts import Card, CellView, ImageU8, PerturbContext, Unscored


@dataclass(frozen=True)
class Checkerboard:
    """Brighter and darker squares at the whole budget.

    Attributes:
        side: Side of a square in pixels.
    """

    name: ClassVar[str] = "checkerboard"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card("Brighter and darker squares", source="Made up to show how a package extends antibench")
    needs: ClassVar[frozenset[str]] = frozenset()
    stochastic: ClassVar[bool] = False
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"

    side: int = 2

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `antibench.contracts.Protection.perturb`."""
        rows, columns = (torch.arange(length, device=image.device) // self.side for length in image.shape[2:])
        sign = 1 - 2 * ((rows[:, None] + columns[None]) % 2)
        return (image + context.epsilon * sign).clamp(0, 1)


@dataclass(frozen=True)
class Mirror:
    """Mirrors the left part of the photo, `strength` of its width, onto the right."""

    name: ClassVar[str] = "mirror"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card("The left part mirrored onto the right", source="Made up, as above")
    grid: ClassVar[tuple[float, ...]] = (0.1, 0.3)
    stochastic: ClassVar[bool] = False
    backend: ClassVar[str] = "numpy"

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        """See `antibench.contracts.Purification.apply`."""
        width = round(image.shape[1] * strength)
        mirrored = image.copy()
        mirrored[:, image.shape[1] - width :] = image[:, :width][:, ::-1]
        return mirrored

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor | None:
        """See `antibench.contracts.Purification.twin`."""
        return None


@dataclass(frozen=True)
class Brightness:
    """Mean level of the clip on the [0, 1] scale: describes, protects nobody."""

    name: ClassVar[str] = "brightness"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card("Mean level of the clip", source="Made up, as above")
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "neither"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        """See `antibench.contracts.Metric.score`."""
        return float(view.frames.mean()) / 255
