"""Whether neighbouring frames show the same thing, to a network trained on ImageNet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from antibench.contracts import Card, CellView, ImageU8, Unscored
from antibench.metrics.judges.deep_features import Features, mean_cosine, vgg_features
from antibench.metrics.result import within


@dataclass(frozen=True)
class FeaturesConsistencyVgg:
    """Mean cosine between the features of neighbouring frames, all of them.

    It describes: a frozen video is perfectly consistent, and so nearly is one of pure noise, whose frames look alike.

    Another network is a subclass with another `extract`, name and card. Unscored for a single frame.
    """

    name: ClassVar[str] = "features-consistency[vgg]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Likeness of neighbouring frames in VGG16 features",
        source="consecutive-frame DINO similarity of Immune2V (arXiv 2604.10837), with ST-LPIPS's VGG16 trunk",
        licence="weights BSD-2-Clause",
        deviations=("VGG16 features instead of a DINO class token",),
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "neither"
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def extract(self, image: ImageU8) -> Features:
        """The feature vector of an (H, W, 3) uint8 image."""
        return vgg_features(image)

    def score(self, view: CellView) -> float | Unscored:
        """-1..1; 1 = every frame shows what the one before it showed."""
        if len(view.frames) < 2:
            return Unscored("a video of one frame has no neighbouring frames")
        found = mean_cosine(self.extract, list(view.frames[1:]), list(view.frames[:-1]))
        return found if isinstance(found, Unscored) else within(self.bounds, found)
