"""Identity of the video against the very photo it was animated from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.judges.identity import similarities
from antibench.metrics.result import within
from antibench.metrics.sampling import JudgesFrames, at_size_of, judged


@dataclass(frozen=True)
class IsmOwnInput(JudgesFrames):
    """Mean over judged frames of the centred cosine to the face of the video's own input; a missing face counts 0.

    A model that faithfully copies a damaged photo scores high here and low on `ism0[dlib]`: nothing was disrupted.
    Unscored if the input has no face, for then there is nothing to keep.
    """

    name: ClassVar[str] = "ism-own-input[dlib]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Identity of the video against its own input photo",
        source="centred cosine of dlib ResNet embeddings, frame against the photo as the model saw it",
        licence="weights CC0-1.0 (dlib ResNet), MIT (MTCNN)",
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        """-1..1; 1 = the face of the input in every judged frame."""
        frames = judged(view.frames, self.judged_frames)
        found = similarities(at_size_of(view.seen, frames), frames, view.world)
        if isinstance(found, Unscored):
            return found
        return within(self.bounds, float(np.mean([value or 0.0 for value in found])))
