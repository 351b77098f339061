"""Face detection failure rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.citations import ANTI_DREAMBOOTH
from antibench.metrics.judges.faces import find
from antibench.metrics.result import within
from antibench.metrics.sampling import JudgesFrames, judged


@dataclass(frozen=True)
class Fdfr(JudgesFrames):
    """Share of judged frames in which no face is detected."""

    name: ClassVar[str] = "fdfr[mtcnn]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Share of frames without a face",
        source="FDFR of Anti-DreamBooth (Van Le et al., 2023), with MTCNN in place of RetinaFace",
        year=2023,
        arxiv="2303.15433",
        citation=ANTI_DREAMBOOTH,
        licence="weights MIT",
        deviations=("MTCNN on frames enlarged to at least 192 px, smallest face 0.15 of the short side",),
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "higher"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        """0..1; 1 = no judged frame has a face."""
        missing = [find(frame) is None for frame in judged(view.frames, self.judged_frames)]
        return within(self.bounds, float(np.mean(missing)))
