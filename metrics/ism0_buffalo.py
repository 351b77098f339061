"""Identity score matching by InsightFace's ArcFace, in which a lost face counts as a lost identity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.citations import ANTI_DREAMBOOTH
from antibench.metrics.ism_buffalo import IsmBuffalo
from antibench.metrics.judges.buffalo import FACTS, LICENCE
from antibench.metrics.judges.likeness import likenesses, mean_of_all
from antibench.metrics.result import within
from antibench.metrics.sampling import at_size_of, judged


@dataclass(frozen=True)
class Ism0Buffalo(IsmBuffalo):
    """Mean over *all* judged frames of the cosine to the clean photo's face; a frame without a face counts 0.

    0 is about what a stranger scores. Unscored if the photo has no face.
    """

    name: ClassVar[str] = "ism0[buffalo_l]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Identity of the video by ArcFace (buffalo_l): cosine of faces, a missing face counts 0",
        source="ISM of Anti-DreamBooth (Van Le et al., 2023) without its survivor bias",
        year=2023,
        arxiv="2303.15433",
        citation=ANTI_DREAMBOOTH,
        licence=LICENCE,
        deviations=(
            "frames without a face count 0 instead of vanishing",
            "SCRFD in place of RetinaFace",
            "judged frames in place of all; frame 0 is never judged",
        ),
        notes=FACTS,
    )

    def score(self, view: CellView) -> float | Unscored:
        """-1..1; 1 = the same face in every judged frame."""
        frames = judged(view.frames, self.judged_frames)
        found = likenesses(at_size_of(view.photo, frames), frames, self.embed)
        return found if isinstance(found, Unscored) else within(self.bounds, mean_of_all(found))
