"""How much the video still looks like the clean photo's video, to DINO ViT-B/16."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card, ImageU8
from antibench.metrics.citations import DINO
from antibench.metrics.features_video import FeaturesVideoVgg
from antibench.metrics.judges.deep_features import Features
from antibench.metrics.judges.dino import LICENCE, V1, dino_features


@dataclass(frozen=True)
class DinoVideo(FeaturesVideoVgg):
    """Mean over judged frames of the cosine between frame k and frame k of the equally purified clean photo's video."""

    name: ClassVar[str] = "dino-video[vitb16]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Likeness of the video to the clean photo's video in DINO ViT-B/16 features",
        source="the DINO column of the field's tables: cosine with the clean generation",
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
