"""How much the photo as it reaches the model still looks like the clean one, to a network trained on ImageNet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from antibench.contracts import Card, CellView, ImageU8, Unscored
from antibench.metrics.judges.deep_features import Features, mean_cosine, vgg_features
from antibench.metrics.result import within
from antibench.metrics.sampling import at_size_of


@dataclass(frozen=True)
class FeaturesPhotoVgg:
    """Cosine between the features of the photo as seen by the model and the clean photo's.

    The twin of `features-image[vgg]`. Another network is a subclass with another `extract`, name and card.
    """

    name: ClassVar[str] = "features-photo[vgg]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Likeness of the protected (and purified) photo to the clean one in VGG16 features",
        source="cosine of pooled features of the VGG16 trunk of ST-LPIPS",
        licence="weights BSD-2-Clause",
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "photo"
    photo_twin: ClassVar[str | None] = None

    def extract(self, image: ImageU8) -> Features:
        """The feature vector of an (H, W, 3) uint8 image."""
        return vgg_features(image)

    def score(self, view: CellView) -> float | Unscored:
        """-1..1 (0..1 in practice: the features are not negative); 1 = alike."""
        found = mean_cosine(self.extract, [view.seen], [at_size_of(view.photo, view.seen[None])])
        return found if isinstance(found, Unscored) else within(self.bounds, found)
