"""How much the video still looks like the clean photo's video, to DINOv2 ViT-B/14."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card, ImageU8
from antibench.metrics.citations import DINOV2
from antibench.metrics.features_video import FeaturesVideoVgg
from antibench.metrics.judges.deep_features import Features
from antibench.metrics.judges.dino import LICENCE, V2, dinov2_features


@dataclass(frozen=True)
class DinoVideoV2(FeaturesVideoVgg):
    """Mean over judged frames of the cosine between frame k and frame k of the equally purified clean photo's video."""

    name: ClassVar[str] = "dino-video[v2-vitb14]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Likeness of the video to the clean photo's video in DINOv2 ViT-B/14 features",
        source="the DINO column of the field's tables: cosine with the clean generation",
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
