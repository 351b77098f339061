"""Whether neighbouring frames show the same thing, to DINO ViT-B/16."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from antibench.contracts import Card, ImageU8
from antibench.metrics.citations import DINO
from antibench.metrics.features_consistency import FeaturesConsistencyVgg
from antibench.metrics.judges.deep_features import Features
from antibench.metrics.judges.dino import LICENCE, V1, dino_features


@dataclass(frozen=True)
class DinoConsistency(FeaturesConsistencyVgg):
    """Mean cosine between the class tokens of neighbouring frames.

    Lower counts as protection, as in the field's tables; yet a frozen video is perfectly consistent, and frames of pure
    noise may be alike too.
    """

    name: ClassVar[str] = "dino-consistency[vitb16]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Likeness of neighbouring frames in DINO ViT-B/16 features",
        source="consecutive-frame DINO similarity of Immune2V (arXiv 2604.10837)",
        year=2021,
        arxiv="2104.14294",
        citation=DINO,
        licence=LICENCE,
        reference="@".join(V1),
        deviations=("weights and position embeddings as transformers converted and interpolates them",),
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"

    def extract(self, image: ImageU8) -> Features:
        """The class token of an (H, W, 3) uint8 image, (768,)."""
        return dino_features(image)
