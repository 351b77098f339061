"""VBench-I2V's conformity of the video's subject with the photo, by a network that ships in a package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card, ImageU8
from antibench.metrics.citations import VBENCH
from antibench.metrics.judges.deep_features import Features, vgg_features
from antibench.metrics.vbench_i2v_subject import VbenchI2vSubject


@dataclass(frozen=True)
class VbenchI2vSubjectVgg(VbenchI2vSubject):
    """The same definition with VGG16 features: its values may not be set beside VBench's."""

    name: ClassVar[str] = "vbench-i2v-subject[vgg]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="VBench-I2V conformity of the subject with the photo, with VGG16 features",
        source="Huang et al., VBench, 2024, VBench-I2V dimension i2v_subject, with ST-LPIPS's VGG16 trunk",
        year=2024,
        arxiv="2311.17982",
        citation=VBENCH,
        licence="VBench Apache-2.0, weights BSD-2-Clause",
        deviations=(
            "VGG16 features instead of a DINO class token",
            "the photo is the clean one, cut to the video's aspect and size",
        ),
    )

    def extract(self, image: ImageU8) -> Features:
        """The feature vector of an (H, W, 3) uint8 image, (1280,)."""
        return vgg_features(image)
