"""How much the photo as it reaches the model still looks like the clean one, to CLIP ViT-B/32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card, ImageU8
from antibench.metrics.citations import CLIP
from antibench.metrics.features_photo import FeaturesPhotoVgg
from antibench.metrics.judges.clip import LICENCE, SHA256, Seen
from antibench.metrics.judges.deep_features import Features


@dataclass(frozen=True)
class ClipIPhoto(FeaturesPhotoVgg):
    """Cosine between CLIP's embedding of the photo as seen by the model and the clean photo's.

    The twin of `clip-i[vit-b-32]`.
    """

    name: ClassVar[str] = "clip-i-photo[vit-b-32]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Likeness of the protected (and purified) photo to the clean one in CLIP ViT-B/32 embeddings",
        source="cosine of image embeddings, CLIP's own preparation of pictures",
        year=2021,
        arxiv="2103.00020",
        citation=CLIP,
        licence=LICENCE,
        reference=f"OpenAI ViT-B-32.pt, SHA-256 {SHA256['ViT-B-32']}",
    )

    def extract(self, image: ImageU8) -> Features:
        """CLIP's embedding of an (H, W, 3) uint8 image, (512,)."""
        return Seen("ViT-B-32")(image)
