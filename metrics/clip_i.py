"""How much the video still looks like the photo, to CLIP ViT-B/32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card, ImageU8
from antibench.metrics.citations import CLIP
from antibench.metrics.features_image import FeaturesImageVgg
from antibench.metrics.judges.clip import LICENCE, SHA256, Seen
from antibench.metrics.judges.deep_features import Features


@dataclass(frozen=True)
class ClipI(FeaturesImageVgg):
    """Mean over judged frames of the cosine between a frame's CLIP embedding and the clean photo's."""

    name: ClassVar[str] = "clip-i[vit-b-32]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Likeness of the video to the photo in CLIP ViT-B/32 embeddings",
        source="CLIP-I of IP-Bench: cosine of image embeddings, CLIP's own preparation of pictures",
        year=2021,
        arxiv="2103.00020",
        citation=CLIP,
        licence=LICENCE,
        reference=f"OpenAI ViT-B-32.pt, SHA-256 {SHA256['ViT-B-32']}",
        notes="Protections that attack an image encoder of CLIP may move this judge as such.",
    )
    photo_twin: ClassVar[str | None] = "clip-i-photo[vit-b-32]"

    def extract(self, image: ImageU8) -> Features:
        """CLIP's embedding of an (H, W, 3) uint8 image, (512,)."""
        return Seen("ViT-B-32")(image)
