"""How much of the picture is lost in the video, to DINO ViT-B/16."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card, ImageU8
from antibench.metrics.citations import DINO
from antibench.metrics.destruction import Destruction
from antibench.metrics.judges.deep_features import Features
from antibench.metrics.judges.dino import LICENCE, V1, dino_features


@dataclass(frozen=True)
class DestructionDino(Destruction):
    """1 - looks: 0 where the frames look as much like the photo as the clean clip's, 1 as little as a flat picture."""

    name: ClassVar[str] = "destruction[dino-vitb16]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Share of the picture that is lost, by DINO ViT-B/16",
        source="cosine of features with the photo, from a flat picture's to the clean clip's; definition ours",
        year=2021,
        arxiv="2104.14294",
        citation=DINO,
        licence=LICENCE,
        reference="@".join(V1),
    )

    def extract(self, image: ImageU8) -> Features:
        """The class token of an (H, W, 3) uint8 image, (768,)."""
        return dino_features(image)
