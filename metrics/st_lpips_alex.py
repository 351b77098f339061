"""Shift-tolerant perceptual distance of the protected photo, from the AlexNet trunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card
from antibench.metrics.citations import ST_LPIPS
from antibench.metrics.judges.stlpips import Backbone
from antibench.metrics.st_lpips import StLpipsVgg


@dataclass(frozen=True)
class StLpipsAlex(StLpipsVgg):
    """ST-LPIPS distance between protected and clean photo; the trunk to use from about 256 px.

    At 64 px it hardly sees a change of 8 levels: on a portrait it says 0.015 where VGG16 says 0.09.
    """

    name: ClassVar[str] = "st-lpips[alex]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Fidelity of the protected photo: ST-LPIPS, AlexNet trunk",
        source="Ghildyal and Liu, Shift-tolerant Perceptual Similarity Metric, ECCV 2022",
        year=2022,
        arxiv="2207.13686",
        citation=ST_LPIPS,
        licence="weights BSD-2-Clause",
        notes="Not LPIPS: its values may not be set beside those of lpips[alex].",
    )
    bounds: ClassVar[tuple[float, float]] = (0.0, 2.7)
    backbone: ClassVar[Backbone] = "alex"
