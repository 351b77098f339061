"""Perceptual distance of the video from the clean photo's video: the original LPIPS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card, ImageU8
from antibench.metrics.citations import LPIPS
from antibench.metrics.judges import lpips_net
from antibench.metrics.st_lpips_video import StLpipsVideo


@dataclass(frozen=True)
class LpipsVideo(StLpipsVideo):
    """Mean over judged frames of the distance between frame k and frame k of the equally purified clean photo's video.

    Another seed alone moves it: read it against the noise floor.
    """

    name: ClassVar[str] = "lpips-video[alex]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Perceptual distance of the video from the clean photo's video: LPIPS, AlexNet",
        source="Zhang et al., The Unreasonable Effectiveness of Deep Features as a Perceptual Metric, 2018",
        year=2018,
        arxiv="1801.03924",
        citation=LPIPS,
        licence="BSD-2-Clause (lpips), BSD-3-Clause (torchvision)",
        reference="package lpips, version 0.1 heads; torchvision alexnet-owt-7be5be79.pth, SHA-256 from 7be5be79",
    )
    bounds: ClassVar[tuple[float, float]] = (0.0, 8.1)
    smallest: ClassVar[int] = lpips_net.SMALLEST

    def distance(self, frame: ImageU8, other: ImageU8) -> float:
        """Of two (H, W, 3) uint8 images of equal size, >= 0."""
        return lpips_net.distance(frame, other)
