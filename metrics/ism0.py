"""Identity score matching in which a lost face counts as a lost identity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.citations import ANTI_DREAMBOOTH
from antibench.metrics.judges.faces import Recogniser
from antibench.metrics.judges.identity import similarities
from antibench.metrics.result import within
from antibench.metrics.sampling import JudgesFrames, at_size_of, judged


@dataclass(frozen=True)
class Ism0(JudgesFrames):
    """Mean over *all* judged frames of the centred cosine to the clean photo's face; a frame without a face counts 0.

    0 is what a stranger scores, so losing the face and showing somebody else weigh the same. Unscored if the photo has
    no face.
    """

    name: ClassVar[str] = "ism0[dlib]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Identity of the video: cosine of faces, a missing face counts 0",
        source="ISM of Anti-DreamBooth (Van Le et al., 2023) without its survivor bias",
        year=2023,
        arxiv="2303.15433",
        citation=ANTI_DREAMBOOTH,
        licence="weights CC0-1.0 (dlib ResNet), MIT (MTCNN)",
        deviations=(
            "frames without a face count 0 instead of vanishing",
            "dlib ResNet, centred, instead of ArcFace",
        ),
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = "ism-photo[dlib]"
    recogniser: ClassVar[Recogniser] = "dlib"

    def score(self, view: CellView) -> float | Unscored:
        """-1..1; 1 = the same face in every judged frame."""
        frames = judged(view.frames, self.judged_frames)
        found = similarities(at_size_of(view.photo, frames), frames, view.world, self.recogniser)
        if isinstance(found, Unscored):
            return found
        return within(self.bounds, float(np.mean([value or 0.0 for value in found])))
