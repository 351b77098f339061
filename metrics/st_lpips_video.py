"""Perceptual distance of the video from the clean photo's video: ST-LPIPS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from antibench.contracts import Card, CellView, ImageU8, Unscored
from antibench.metrics.citations import ST_LPIPS
from antibench.metrics.judges import stlpips
from antibench.metrics.result import within
from antibench.metrics.sampling import JudgesFrames, judged


@dataclass(frozen=True)
class StLpipsVideo(JudgesFrames):
    """Mean over judged frames of the distance between frame k and frame k of the equally purified clean photo's video.

    Another seed alone moves it: read it against the noise floor. Another network is a subclass with another `distance`,
    `smallest`, name and card.
    """

    name: ClassVar[str] = "st-lpips-video[vgg]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Perceptual distance of the video from the clean photo's video: ST-LPIPS, VGG16 trunk",
        source="the field's LPIPS between generations at equal seed, with ST-LPIPS (Ghildyal and Liu, ECCV 2022)",
        year=2022,
        arxiv="2207.13686",
        citation=ST_LPIPS,
        licence="weights BSD-2-Clause",
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "higher"
    bounds: ClassVar[tuple[float, float]] = (0.0, 2.2)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None
    smallest: ClassVar[int] = stlpips.SMALLEST

    def distance(self, frame: ImageU8, other: ImageU8) -> float:
        """Of two (H, W, 3) uint8 images of equal size, >= 0."""
        return stlpips.distance(frame, other, "vgg")

    def score(self, view: CellView) -> float | Unscored:
        """0 upwards; 0 = the clean photo's video."""
        if view.frames.shape != view.clean_frames.shape:
            return Unscored(f"the clean video has shape {view.clean_frames.shape}, this one {view.frames.shape}")
        if min(view.frames.shape[1:3]) < self.smallest:
            return Unscored(f"frames of {view.frames.shape[1]}x{view.frames.shape[2]} are too small for this distance")
        pairs = zip(*(judged(video, self.judged_frames) for video in (view.frames, view.clean_frames)), strict=True)
        return within(self.bounds, float(np.mean([self.distance(frame, clean) for frame, clean in pairs])))
