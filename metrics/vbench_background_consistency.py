"""VBench's background consistency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card, ImageU8
from antibench.metrics.citations import VBENCH
from antibench.metrics.judges.clip import LICENCE, SHA256, Seen
from antibench.metrics.judges.deep_features import Features
from antibench.metrics.vbench_subject_consistency import VbenchSubjectConsistency


@dataclass(frozen=True)
class VbenchBackgroundConsistency(VbenchSubjectConsistency):
    """Subject consistency with CLIP embeddings, which see the whole scene. Nothing is cut out of the frames."""

    name: ClassVar[str] = "vbench-background-consistency[clip-vit-b-32]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="VBench background consistency",
        source="Huang et al., VBench, 2024, dimension background_consistency; raw score",
        year=2024,
        arxiv="2311.17982",
        citation=VBENCH,
        licence=f"VBench Apache-2.0, {LICENCE}",
        reference="Vchitect/VBench@38555a9caef7e66114e26f71e5109ab9bf6e70ff; "
        f"OpenAI ViT-B-32.pt, SHA-256 {SHA256['ViT-B-32']}",
        deviations=("float32 on every device; VBench computes in half precision on a GPU",),
    )

    def extract(self, image: ImageU8) -> Features:
        """CLIP's embedding of an (H, W, 3) uint8 image as VBench prepares it, (512,)."""
        return Seen("ViT-B-32", vbench=True)(image)
