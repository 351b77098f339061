"""VBench's subject consistency by a network that ships in a package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from antibench.contracts import Card, ImageU8
from antibench.metrics.citations import VBENCH
from antibench.metrics.judges.deep_features import Features, vgg_features
from antibench.metrics.vbench_subject_consistency import VbenchSubjectConsistency


@dataclass(frozen=True)
class VbenchSubjectConsistencyVgg(VbenchSubjectConsistency):
    """The same definition with VGG16 features: its values may not be set beside VBench's.

    It describes: on a portrait, noise of 64 levels in every frame leaves it at 1.00, because noise looks like noise.
    """

    name: ClassVar[str] = "vbench-subject-consistency[vgg]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="VBench subject consistency with VGG16 features",
        source="Huang et al., VBench, 2024, dimension subject_consistency, with ST-LPIPS's VGG16 trunk",
        year=2024,
        arxiv="2311.17982",
        citation=VBENCH,
        licence="VBench Apache-2.0, weights BSD-2-Clause",
        deviations=("VGG16 features instead of a DINO class token",),
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "neither"

    def extract(self, image: ImageU8) -> Features:
        """The feature vector of an (H, W, 3) uint8 image, (1280,)."""
        return vgg_features(image)
