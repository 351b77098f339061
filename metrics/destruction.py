"""How much of the picture is lost in the video, as against frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from antibench.contracts import Card, CellView, ImageU8, Unscored
from antibench.metrics.judges.deep_features import Features, vgg_features
from antibench.metrics.judges.freezing import looks
from antibench.metrics.result import within
from antibench.metrics.sampling import JudgesFrames


@dataclass(frozen=True)
class Destruction(JudgesFrames):
    """1 - looks: 0 where the frames look as much like the photo as the clean clip's do, 1 where as little as a flat
    picture of its mean colour.

    The counterpart of `freeze`. Motion plays no part: frames in another order are not destroyed, `temporal-consistency`
    sees those. Another network is a subclass with another `extract`, name and card.
    """

    name: ClassVar[str] = "destruction[vgg]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Share of the picture that is lost",
        source="cosine of features with the photo, from a flat picture's to the clean clip's; definition ours",
        licence="weights BSD-2-Clause",
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "higher"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def extract(self, image: ImageU8) -> Features:
        """The feature vector of an (H, W, 3) uint8 image."""
        return vgg_features(image)

    def score(self, view: CellView) -> float | Unscored:
        """0..1; 1 = nothing of the photo is to be seen."""
        kept = looks(view, self.extract, self.judged_frames)
        return kept if isinstance(kept, Unscored) else within(self.bounds, 1 - kept)
