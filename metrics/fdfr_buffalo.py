"""Face detection failure rate by InsightFace's detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.citations import ANTI_DREAMBOOTH
from antibench.metrics.judges import buffalo
from antibench.metrics.judges.buffalo import FACTS, LICENCE
from antibench.metrics.result import within
from antibench.metrics.sampling import JudgesFrames, judged


@dataclass(frozen=True)
class FdfrBuffalo(JudgesFrames):
    """Share of judged frames in which SCRFD detects no face."""

    name: ClassVar[str] = "fdfr[buffalo_l]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Share of frames without a face, by SCRFD (buffalo_l)",
        source="FDFR of Anti-DreamBooth (Van Le et al., 2023), with SCRFD in place of RetinaFace",
        year=2023,
        arxiv="2303.15433",
        citation=ANTI_DREAMBOOTH,
        licence=LICENCE,
        deviations=("SCRFD at a score of 0.5; the original takes RetinaFace at 0.9",),
        notes=FACTS,
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "higher"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        """0..1; 1 = no judged frame has a face."""
        missing = [buffalo.find(frame) is None for frame in judged(view.frames, self.judged_frames)]
        return within(self.bounds, float(np.mean(missing)))
