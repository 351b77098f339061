"""Identity of the photo as it reaches the model, by InsightFace's ArcFace; no video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.judges import buffalo
from antibench.metrics.judges.buffalo import FACTS, LICENCE
from antibench.metrics.judges.likeness import likenesses, mean_of_all
from antibench.metrics.result import within
from antibench.metrics.sampling import at_size_of


@dataclass(frozen=True)
class IsmPhotoBuffalo:
    """Cosine between the largest face of the photo as seen by the model and the clean photo's; no face counts 0.

    The twin of `ism[buffalo_l]` and `ism0[buffalo_l]`: identity lost here was taken from the photo, not from the video.
    """

    name: ClassVar[str] = "ism-photo[buffalo_l]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Identity of the protected (and purified) photo itself by ArcFace (buffalo_l)",
        source="cosine of ArcFace embeddings, photo as seen against clean photo",
        licence=LICENCE,
        notes=FACTS,
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "photo"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        """-1..1; 1 = the same face."""
        seen = view.seen[None]
        found = likenesses(at_size_of(view.photo, seen), seen, buffalo.embed)
        return found if isinstance(found, Unscored) else within(self.bounds, mean_of_all(found))
