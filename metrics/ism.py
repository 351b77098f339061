"""Identity score matching of the video with the photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.citations import ANTI_DREAMBOOTH
from antibench.metrics.judges.identity import similarities
from antibench.metrics.result import within
from antibench.metrics.sampling import JudgesFrames, at_size_of, judged


@dataclass(frozen=True)
class Ism(JudgesFrames):
    """Mean over judged frames *with a face* of the centred cosine between the frame's face and the clean photo's.

    Frames without a face drop out, so a video that keeps one good frame scores high: read it beside `ism0[dlib]` and
    `fdfr[mtcnn]`. Unscored if no judged frame has a face, or the photo has none.
    """

    name: ClassVar[str] = "ism[dlib]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Identity of the video: cosine of faces, frames without a face left out",
        source="ISM of Anti-DreamBooth (Van Le et al., 2023), with the dlib ResNet in place of ArcFace",
        year=2023,
        arxiv="2303.15433",
        citation=ANTI_DREAMBOOTH,
        licence="weights CC0-1.0 (dlib ResNet), MIT (MTCNN)",
        deviations=(
            "dlib ResNet and MTCNN instead of ArcFace and RetinaFace",
            "embeddings centred",
        ),
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = "ism-photo[dlib]"

    def score(self, view: CellView) -> float | Unscored:
        """-1..1; 1 = the same face."""
        frames = judged(view.frames, self.judged_frames)
        found = similarities(at_size_of(view.photo, frames), frames, view.world)
        if isinstance(found, Unscored):
            return found
        seen = [value for value in found if value is not None]
        if not seen:
            return Unscored(f"none of {len(found)} judged frames has a face")
        return within(self.bounds, float(np.mean(seen)))
