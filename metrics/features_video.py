"""How much the video still looks like the clean photo's video, to a network trained on ImageNet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from antibench.contracts import Card, CellView, ImageU8, Unscored
from antibench.metrics.judges.deep_features import Features, mean_cosine, vgg_features
from antibench.metrics.result import within
from antibench.metrics.sampling import JudgesFrames, judged


@dataclass(frozen=True)
class FeaturesVideoVgg(JudgesFrames):
    """Mean over judged frames of the cosine between frame k and frame k of the equally purified clean photo's video.

    Another network is a subclass with another `extract`, name and card.
    """

    name: ClassVar[str] = "features-video[vgg]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Likeness of the video to the clean photo's video in VGG16 features",
        source="the DINO column of the field's tables (cosine with the clean generation), with ST-LPIPS's VGG16 trunk",
        licence="weights BSD-2-Clause",
        deviations=("VGG16 features instead of a DINO class token",),
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def extract(self, image: ImageU8) -> Features:
        """The feature vector of an (H, W, 3) uint8 image."""
        return vgg_features(image)

    def score(self, view: CellView) -> float | Unscored:
        """-1..1 (0..1 in practice: the features are not negative); 1 = alike."""
        if view.frames.shape != view.clean_frames.shape:
            return Unscored(f"the clean video has shape {view.clean_frames.shape}, this one {view.frames.shape}")
        frames, clean = judged(view.frames, self.judged_frames), judged(view.clean_frames, self.judged_frames)
        found = mean_cosine(self.extract, list(frames), list(clean))
        return found if isinstance(found, Unscored) else within(self.bounds, found)
