"""Whether neighbouring frames show the same thing, to DINOv2 ViT-B/14."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from antibench.contracts import Card, ImageU8
from antibench.metrics.citations import DINOV2
from antibench.metrics.features_consistency import FeaturesConsistencyVgg
from antibench.metrics.judges.deep_features import Features
from antibench.metrics.judges.dino import LICENCE, V2, dinov2_features


@dataclass(frozen=True)
class DinoConsistencyV2(FeaturesConsistencyVgg):
    """Mean cosine between the class tokens of neighbouring frames.

    Lower counts as protection, as in the field's tables; yet a frozen video is perfectly consistent, and frames of pure
    noise may be alike too.
    """

    name: ClassVar[str] = "dino-consistency[v2-vitb14]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Likeness of neighbouring frames in DINOv2 ViT-B/14 features",
        source="consecutive-frame DINO similarity of Immune2V (arXiv 2604.10837)",
        year=2024,
        arxiv="2304.07193",
        citation=DINOV2,
        licence=LICENCE,
        reference="@".join(V2),
        deviations=("which DINO the tables of the field mean is not stated; v1 is the likelier",),
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"

    def extract(self, image: ImageU8) -> Features:
        """The class token of an (H, W, 3) uint8 image, (768,)."""
        return dinov2_features(image)
