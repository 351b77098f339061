"""Peak signal-to-noise ratio of the protected photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.result import within


@dataclass(frozen=True)
class Psnr:
    """10 log10(255^2 / mean squared error) over all channels, in decibels; equal photos score the cap of 100."""

    name: ClassVar[str] = "psnr"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Fidelity of the protected photo: PSNR in dB",
        source="10 log10(255^2 / MSE), 8-bit RGB, all channels together",
        notes="Capped at 100 dB, which equal photos score, so that every photo has a finite value.",
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "neither"
    bounds: ClassVar[tuple[float, float]] = (0.0, 100.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "fidelity"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        """0..100 dB; higher = less visible."""
        # In uint8 the difference, and its square from 16 levels on, would wrap around.
        difference = view.protected.astype(np.float64) - view.photo.astype(np.float64)
        error = float(np.mean(difference**2))
        decibels = 10 * np.log10(255**2 / error) if error > 0 else self.bounds[1]
        return within(self.bounds, min(float(decibels), self.bounds[1]))
