"""VBench's temporal flickering."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

import numpy as np

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.citations import VBENCH
from antibench.metrics.result import within


@dataclass(frozen=True)
class VbenchTemporalFlickering:
    """(255 - mean absolute difference of neighbouring frames in levels) / 255.

    Meant for clips in which nothing moves: motion counts as flicker, so a frozen video scores 1. For moving clips
    `temporal-consistency` follows the flow first. Unscored for a single frame.
    """

    name: ClassVar[str] = "vbench-temporal-flickering"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="VBench temporal flickering",
        source="Huang et al., VBench, 2024, dimension temporal_flickering; raw score",
        year=2024,
        arxiv="2311.17982",
        citation=VBENCH,
        licence="VBench Apache-2.0",
        reference="Vchitect/VBench@00c4b29cf313eddd2ac456a3af829c528fa31da2",
        deviations=("scored for every clip; VBench leaves out those in which something moves",),
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        """0..1; 1 = all frames are equal."""
        if len(view.frames) < 2:
            return Unscored("a video of one frame does not flicker")
        changes = [np.abs(after.astype(np.int16) - now).mean() for now, after in pairwise(view.frames)]
        return within(self.bounds, (255 - float(np.mean(changes))) / 255)
