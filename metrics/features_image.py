"""How much the video still looks like the photo, to a network trained on ImageNet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from antibench.contracts import Card, CellView, ImageU8, Unscored
from antibench.metrics.judges.deep_features import Features, mean_cosine, vgg_features
from antibench.metrics.result import within
from antibench.metrics.sampling import JudgesFrames, at_size_of, judged


@dataclass(frozen=True)
class FeaturesImageVgg(JudgesFrames):
    """Mean over judged frames of the cosine between a frame's features and the clean photo's.

    Another network is a subclass with another `extract`, name and card.
    """

    name: ClassVar[str] = "features-image[vgg]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Likeness of the video to the photo in VGG16 features",
        source="the DINO column of the field's tables (cosine with the photo), with ST-LPIPS's VGG16 trunk",
        licence="weights BSD-2-Clause",
        deviations=("VGG16 features instead of a DINO class token",),
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = "features-photo[vgg]"

    def extract(self, image: ImageU8) -> Features:
        """The feature vector of an (H, W, 3) uint8 image."""
        return vgg_features(image)

    def score(self, view: CellView) -> float | Unscored:
        """-1..1 (0..1 in practice: the features are not negative); 1 = alike."""
        frames = judged(view.frames, self.judged_frames)
        found = mean_cosine(self.extract, list(frames), [at_size_of(view.photo, frames)] * len(frames))
        return found if isinstance(found, Unscored) else within(self.bounds, found)
