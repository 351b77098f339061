"""VBench-I2V's conformity of the video's scene with the photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card, ImageU8
from antibench.metrics.citations import VBENCH
from antibench.metrics.judges.deep_features import Features
from antibench.metrics.judges.dreamsim import LICENCE, REFERENCE, dreamsim_features
from antibench.metrics.vbench_i2v_subject import VbenchI2vSubject


@dataclass(frozen=True)
class VbenchI2vBackground(VbenchI2vSubject):
    """`vbench-i2v-subject` with DreamSim's embeddings, which see the whole scene. Nothing is cut out of the frames."""

    remote_code: bool = False
    """Whether package dreamsim may unpickle its weights and take code from GitHub."""

    name: ClassVar[str] = "vbench-i2v-background[dreamsim]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="VBench-I2V conformity of the scene with the photo",
        source="Huang et al., VBench, 2024, VBench-I2V dimension i2v_background; raw score",
        year=2024,
        arxiv="2311.17982",
        citation=VBENCH,
        licence=f"VBench Apache-2.0, {LICENCE}",
        reference=f"Vchitect/VBench@3147fdc04bc84f169f2a0c3497472f8e90fc6ce5; {REFERENCE}",
        deviations=(
            "the photo is the clean one, cut to the video's aspect and size",
            "frames are resized by PIL, as the photo is; VBench resizes those of a video as tensors",
        ),
    )

    def extract(self, image: ImageU8) -> Features:
        """DreamSim's embedding of an (H, W, 3) uint8 image."""
        return dreamsim_features(image, self.remote_code)
