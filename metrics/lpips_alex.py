"""Perceptual distance of the protected photo: the original LPIPS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.citations import LPIPS
from antibench.metrics.judges.lpips_net import SMALLEST, distance
from antibench.metrics.result import within


@dataclass(frozen=True)
class LpipsAlex:
    """LPIPS (version 0.1, AlexNet) between protected and clean photo.

    Needs torchvision's AlexNet weights, which come from a download; without them it says so, and `st-lpips[vgg]` is
    the metric to use.
    """

    name: ClassVar[str] = "lpips[alex]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Fidelity of the protected photo: LPIPS, AlexNet (weights to be fetched)",
        source="Zhang et al., The Unreasonable Effectiveness of Deep Features as a Perceptual Metric, 2018",
        year=2018,
        arxiv="1801.03924",
        citation=LPIPS,
        licence="BSD-2-Clause (lpips), BSD-3-Clause (torchvision)",
        reference="package lpips, version 0.1 heads",
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "neither"
    bounds: ClassVar[tuple[float, float]] = (0.0, 8.1)
    """Two non-negative unit vectors are at most 2 apart, squared: twice the sum of each stage's largest weight."""
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "fidelity"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        """0 upwards, different photos about 0.7; lower = less visible, 0 = equal."""
        height, width = view.photo.shape[:2]
        if min(height, width) < SMALLEST:
            return Unscored(f"a photo of {height}x{width} is too small for LPIPS")
        return within(self.bounds, distance(view.protected, view.photo))
