"""VBench's aesthetic quality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.citations import VBENCH
from antibench.metrics.judges.aesthetic import FILE, aesthetic_rating
from antibench.metrics.judges.clip import LICENCE, SHA256
from antibench.metrics.result import within


@dataclass(frozen=True)
class VbenchAestheticQuality:
    """Mean over all frames of LAION's linear rating of CLIP ViT-L/14 embeddings, / 10."""

    sha256: str = ""
    """Of the head's file, 64 hex digits; none is published."""

    name: ClassVar[str] = "vbench-aesthetic-quality[laion]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="VBench aesthetic quality",
        source="Huang et al., VBench, 2024, dimension aesthetic_quality; raw score",
        year=2024,
        arxiv="2311.17982",
        citation=VBENCH,
        licence=f"VBench Apache-2.0, {LICENCE}, head MIT (LAION-AI/aesthetic-predictor)",
        reference="Vchitect/VBench@11d473b2b98cade2d22bba92673691dafd02aa08; "
        f"OpenAI ViT-L-14.pt, SHA-256 {SHA256['ViT-L-14']}; {FILE}",
        deviations=("ratings beyond 0..10, which a linear head can give, count as the nearer end",),
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        """0..1, rarely beyond 0.3..0.7; higher = more pleasing."""
        ratings = [aesthetic_rating(frame, self.sha256) for frame in view.frames]
        return within(self.bounds, float(np.clip(np.mean(ratings) / 10, 0, 1)))
