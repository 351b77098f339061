"""Identity of the photo as it reaches the model: what the perturbation does without any video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.judges.faces import Recogniser
from antibench.metrics.judges.identity import similarities
from antibench.metrics.result import within
from antibench.metrics.sampling import at_size_of


@dataclass(frozen=True)
class IsmPhoto:
    """Centred cosine between the face of the photo as seen by the model and the clean photo's; 0 if its face is lost.

    The twin of `ism[dlib]` and `ism0[dlib]`: identity lost here was taken from the photo, not from the video. Unscored
    if the clean photo has no face.
    """

    name: ClassVar[str] = "ism-photo[dlib]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Identity of the protected (and purified) photo itself",
        source="centred cosine of dlib ResNet embeddings, photo as seen against clean photo",
        licence="weights CC0-1.0 (dlib ResNet), MIT (MTCNN)",
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "photo"
    photo_twin: ClassVar[str | None] = None
    recogniser: ClassVar[Recogniser] = "dlib"

    def score(self, view: CellView) -> float | Unscored:
        """-1..1; 1 = the same face."""
        seen = view.seen[None]
        found = similarities(at_size_of(view.photo, seen), seen, view.world, self.recogniser)
        if isinstance(found, Unscored):
            return found
        return within(self.bounds, found[0] or 0.0)
