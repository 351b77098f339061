"""Whether the video was frozen at good looks, to DINO ViT-B/16."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card, ImageU8
from antibench.metrics.citations import VID_FREEZE
from antibench.metrics.freeze import Freeze
from antibench.metrics.judges.deep_features import Features
from antibench.metrics.judges.dino import LICENCE, V1, dino_features


@dataclass(frozen=True)
class FreezeDino(Freeze):
    """Stillness x looks: what share of the clean clip's motion is gone, times how well the picture is kept."""

    name: ClassVar[str] = "freeze[dis-dino-vitb16]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Frozen at good looks, by DINO ViT-B/16",
        source="the success that Vid-Freeze (arXiv 2509.23279) claims, low motion at good looks; definition ours",
        year=2025,
        arxiv="2509.23279",
        citation=VID_FREEZE,
        licence=f"Apache-2.0 (OpenCV), {LICENCE}",
        reference="@".join(V1),
        deviations=("not the paper's temporal SSIM, whose definition is not known",),
    )

    def extract(self, image: ImageU8) -> Features:
        """The class token of an (H, W, 3) uint8 image, (768,)."""
        return dino_features(image)
