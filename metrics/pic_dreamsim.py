"""Perceptual input conformity: how much the video still looks like the photo, to DreamSim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card, ImageU8
from antibench.metrics.citations import DREAMSIM
from antibench.metrics.features_image import FeaturesImageVgg
from antibench.metrics.judges.deep_features import Features
from antibench.metrics.judges.dreamsim import LICENCE, REFERENCE, dreamsim_features


@dataclass(frozen=True)
class PicDreamsim(FeaturesImageVgg):
    """Mean over judged frames of 1 - DreamSim(frame, clean photo), which is the cosine of their embeddings."""

    remote_code: bool = False
    """Whether package dreamsim may unpickle its weights and take code from GitHub."""

    name: ClassVar[str] = "pic[dreamsim]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Perceptual input conformity: 1 - DreamSim to the photo",
        source="PIC of Immune2V (arXiv 2604.10837); DreamSim: Fu et al., NeurIPS 2023",
        year=2023,
        arxiv="2306.09344",
        citation=DREAMSIM,
        licence=LICENCE,
        reference=REFERENCE,
        deviations=("frame 0, which the model gives back, is left out",),
    )
    photo_twin: ClassVar[str | None] = None

    def extract(self, image: ImageU8) -> Features:
        """DreamSim's embedding of an (H, W, 3) uint8 image."""
        return dreamsim_features(image, self.remote_code)
