"""Whether neighbouring frames show the same things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import cv2
import numpy as np

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.judges.flow import flows, unfit
from antibench.metrics.result import within

_CITATION = (
    "@inproceedings{lai2018blind, title={Learning Blind Video Temporal Consistency}, author={Lai, Wei-Sheng and "
    "Huang, Jia-Bin and Wang, Oliver and Shechtman, Eli and Yumer, Ersin and Yang, Ming-Hsuan}, "
    "booktitle={ECCV}, year={2018}}"
)


@dataclass(frozen=True)
class TemporalConsistency:
    """1 - mean absolute warping error / 255: each frame is brought back onto the one before it along the optical flow.

    The error is averaged over channels, the pixels whose source lies inside the frame, and pairs of neighbouring
    frames. A frozen video is perfectly consistent: read it beside `motion`. Unscored for a single frame.
    """

    name: ClassVar[str] = "temporal-consistency"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Agreement of neighbouring frames after following the optical flow",
        source="warping error of Lai et al., Learning Blind Video Temporal Consistency, 2018, with DIS optical flow",
        year=2018,
        arxiv="1808.00449",
        citation=_CITATION,
        licence="Apache-2.0 (OpenCV)",
        deviations=("absolute instead of squared error", "no occlusion mask beyond the frame's border"),
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        """0..1; 1 = nothing changes but by moving."""
        reason = unfit(view.frames)
        if reason is not None:
            return reason
        height, width = view.frames.shape[1:3]
        home = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
        errors = []
        for now, after, flow in zip(view.frames, view.frames[1:], flows(view.frames), strict=False):
            source = home + flow
            inside = ((source >= 0) & (source <= [width - 1, height - 1])).all(axis=-1)
            moved = cv2.remap(np.ascontiguousarray(after).astype(np.float32), source, None, cv2.INTER_LINEAR)
            error = np.abs(moved - now.astype(np.float32))[inside]
            errors.append(float(error.mean()) if error.size else 255.0)
        return within(self.bounds, 1 - float(np.mean(errors)) / 255)
