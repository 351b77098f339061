"""How much the photo as it reaches the model still looks like the clean one, to DINOv2 ViT-B/14."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card, ImageU8
from antibench.metrics.citations import DINOV2
from antibench.metrics.features_photo import FeaturesPhotoVgg
from antibench.metrics.judges.deep_features import Features
from antibench.metrics.judges.dino import LICENCE, V2, dinov2_features


@dataclass(frozen=True)
class DinoPhotoV2(FeaturesPhotoVgg):
    """Cosine between the class token of the photo as seen by the model and the clean photo's."""

    name: ClassVar[str] = "dino-photo[v2-vitb14]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Likeness of the protected (and purified) photo to the clean one in DINOv2 ViT-B/14 features",
        source="cosine of class tokens",
        year=2024,
        arxiv="2304.07193",
        citation=DINOV2,
        licence=LICENCE,
        reference="@".join(V2),
        deviations=("which DINO the tables of the field mean is not stated; v1 is the likelier",),
    )

    def extract(self, image: ImageU8) -> Features:
        """The class token of an (H, W, 3) uint8 image, (768,)."""
        return dinov2_features(image)
