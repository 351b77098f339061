"""Largest change of the protected photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from antibench.budget import linf_levels
from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.result import within


@dataclass(frozen=True)
class LinfLevels:
    """Largest change of any channel of any pixel of the saved photo, in 8-bit levels: what the budget limits."""

    name: ClassVar[str] = "linf-levels"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Fidelity of the protected photo: largest change in 8-bit levels",
        source="max |protected - photo| over pixels and channels",
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "neither"
    bounds: ClassVar[tuple[float, float]] = (0.0, 255.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "fidelity"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        """0..255 levels."""
        return within(self.bounds, float(linf_levels(view.protected, view.photo)))
