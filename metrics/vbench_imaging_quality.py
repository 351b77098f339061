"""VBench's imaging quality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.citations import VBENCH
from antibench.metrics.judges.musiq import FILE, LICENCE, SHA256, musiq_rating
from antibench.metrics.result import within


@dataclass(frozen=True)
class VbenchImagingQuality:
    """Mean over all frames of MUSIQ's rating, trained on SPAQ, / 100: blur, noise and overexposure lower it."""

    name: ClassVar[str] = "vbench-imaging-quality[musiq]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="VBench imaging quality",
        source="Huang et al., VBench, 2024, dimension imaging_quality; MUSIQ: Ke et al., ICCV 2021 (arXiv 2108.05997)",
        year=2024,
        arxiv="2311.17982",
        citation=VBENCH,
        licence=f"VBench Apache-2.0, {LICENCE}",
        reference=f"Vchitect/VBench@fc4620b4d620114b77842c336f7a193c37e8e12e; {FILE}, SHA-256 from {SHA256[FILE]}",
        deviations=(
            "MUSIQ written anew from its authors' code, with the port's deviations from it",
            "ratings beyond 0..100, which a linear head can give, count as the nearer end",
        ),
        notes="The long side is reduced to 512 px, as later versions of VBench do.",
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        """0..1, good pictures about 0.7; higher = technically better."""
        ratings = [musiq_rating(np.ascontiguousarray(frame)) for frame in view.frames]
        return within(self.bounds, float(np.clip(np.mean(ratings) / 100, 0, 1)))
