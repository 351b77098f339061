"""How much the photo as it reaches the model still looks like the clean one, to DINO ViT-B/16."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card, ImageU8
from antibench.metrics.citations import DINO
from antibench.metrics.features_photo import FeaturesPhotoVgg
from antibench.metrics.judges.deep_features import Features
from antibench.metrics.judges.dino import LICENCE, V1, dino_features


@dataclass(frozen=True)
class DinoPhoto(FeaturesPhotoVgg):
    """Cosine between the class token of the photo as seen by the model and the clean photo's."""

    name: ClassVar[str] = "dino-photo[vitb16]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Likeness of the protected (and purified) photo to the clean one in DINO ViT-B/16 features",
        source="cosine of class tokens",
        year=2021,
        arxiv="2104.14294",
        citation=DINO,
        licence=LICENCE,
        reference="@".join(V1),
        deviations=("weights and position embeddings as transformers converted and interpolates them",),
    )

    def extract(self, image: ImageU8) -> Features:
        """The class token of an (H, W, 3) uint8 image, (768,)."""
        return dino_features(image)
