"""How much the video still looks like the photo, to DINO ViT-B/16."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card, ImageU8
from antibench.metrics.citations import DINO
from antibench.metrics.features_image import FeaturesImageVgg
from antibench.metrics.judges.deep_features import Features
from antibench.metrics.judges.dino import LICENCE, V1, dino_features


@dataclass(frozen=True)
class DinoImage(FeaturesImageVgg):
    """Mean over judged frames of the cosine between a frame's class token and the clean photo's."""

    name: ClassVar[str] = "dino-image[vitb16]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Likeness of the video to the photo in DINO ViT-B/16 features",
        source="the DINO column of the field's tables: cosine with the clean reference photo",
        year=2021,
        arxiv="2104.14294",
        citation=DINO,
        licence=LICENCE,
        reference="@".join(V1),
        deviations=("weights and position embeddings as transformers converted and interpolates them",),
    )
    photo_twin: ClassVar[str | None] = "dino-photo[vitb16]"

    def extract(self, image: ImageU8) -> Features:
        """The class token of an (H, W, 3) uint8 image, (768,)."""
        return dino_features(image)
