"""How much the video still looks like the photo, to DINOv2 ViT-B/14."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card, ImageU8
from antibench.metrics.citations import DINOV2
from antibench.metrics.features_image import FeaturesImageVgg
from antibench.metrics.judges.deep_features import Features
from antibench.metrics.judges.dino import LICENCE, V2, dinov2_features


@dataclass(frozen=True)
class DinoImageV2(FeaturesImageVgg):
    """Mean over judged frames of the cosine between a frame's class token and the clean photo's."""

    name: ClassVar[str] = "dino-image[v2-vitb14]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Likeness of the video to the photo in DINOv2 ViT-B/14 features",
        source="the DINO column of the field's tables: cosine with the clean reference photo",
        year=2024,
        arxiv="2304.07193",
        citation=DINOV2,
        licence=LICENCE,
        reference="@".join(V2),
        deviations=("which DINO the tables of the field mean is not stated; v1 is the likelier",),
    )
    photo_twin: ClassVar[str | None] = "dino-photo[v2-vitb14]"

    def extract(self, image: ImageU8) -> Features:
        """The class token of an (H, W, 3) uint8 image, (768,)."""
        return dinov2_features(image)
