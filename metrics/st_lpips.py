"""Shift-tolerant perceptual distance of the protected photo, from the VGG16 trunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.citations import ST_LPIPS
from antibench.metrics.judges.stlpips import SMALLEST, Backbone, distance
from antibench.metrics.result import within


@dataclass(frozen=True)
class StLpipsVgg:
    """ST-LPIPS distance between protected and clean photo; the trunk to use up to about 128 px."""

    name: ClassVar[str] = "st-lpips[vgg]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Fidelity of the protected photo: ST-LPIPS, VGG16 trunk",
        source="Ghildyal and Liu, Shift-tolerant Perceptual Similarity Metric, ECCV 2022",
        year=2022,
        arxiv="2207.13686",
        citation=ST_LPIPS,
        licence="weights BSD-2-Clause",
        notes="Not LPIPS: its values may not be set beside those of lpips[alex].",
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "neither"
    bounds: ClassVar[tuple[float, float]] = (0.0, 2.2)
    """Two non-negative unit vectors are at most 2 apart, squared: twice the sum of each stage's largest weight."""
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "fidelity"
    photo_twin: ClassVar[str | None] = None
    backbone: ClassVar[Backbone] = "vgg"

    def score(self, view: CellView) -> float | Unscored:
        """0 upwards, different photos about 0.4; lower = less visible, 0 = equal."""
        height, width = view.photo.shape[:2]
        if min(height, width) < SMALLEST:
            return Unscored(f"a photo of {height}x{width} is too small for ST-LPIPS")
        return within(self.bounds, distance(view.protected, view.photo, self.backbone))
