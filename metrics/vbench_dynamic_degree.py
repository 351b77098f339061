"""VBench's dynamic degree by a flow that needs no weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from antibench.contracts import Card, CellView, FramesU8, Unscored
from antibench.metrics.citations import VBENCH
from antibench.metrics.judges.flow import Flow, flows, unfit
from antibench.metrics.result import within

_FPS = 8.0
"""What VBench thins clips to."""


@dataclass(frozen=True)
class VbenchDynamicDegree:
    """1 if the clip moves, else 0: in at least a quarter as many pairs of frames as there are frames, the fastest 5% of
    the pixels move more than 6 px at a short side of 256.

    Freezing lowers it, destruction by noise often raises it. Another flow is a subclass with another `estimate`, name
    and card. Unscored for a single frame.
    """

    fps: float = 8.0
    """Frames a second of the clips, which are thinned to about 8."""

    def __post_init__(self) -> None:
        if not self.fps > 0:
            raise ValueError(f"fps is {self.fps}; a clip has more than 0 frames a second")

    name: ClassVar[str] = "vbench-dynamic-degree[dis]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="VBench dynamic degree with DIS flow",
        source="Huang et al., VBench, 2024, dimension dynamic_degree; raw score of one clip",
        year=2024,
        arxiv="2311.17982",
        citation=VBENCH,
        licence="VBench Apache-2.0, Apache-2.0 (OpenCV)",
        reference="Vchitect/VBench@11abda977edaa0edbfc3c9b75a33c9c942a9ef6f",
        deviations=(
            "DIS instead of RAFT",
            "the rate is a parameter: clips cross stages without one",
            "at least one pair has to move; VBench calls every clip of two frames moving",
        ),
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "neither"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def estimate(self, frames: FramesU8) -> list[Flow]:
        """The flow from each frame to the next."""
        return flows(frames)

    def score(self, view: CellView) -> float | Unscored:
        """0 or 1."""
        frames = view.frames[:: max(1, round(self.fps / _FPS))]
        reason = unfit(frames)
        if reason is not None:
            return reason
        threshold = max(1.0, _FPS / self.fps) * 6 * min(frames.shape[1:3]) / 256
        moving = sum(_fastest(flow) > threshold for flow in self.estimate(frames))
        return within(self.bounds, float(moving >= max(1, round(len(frames) / 4))))


def _fastest(flow: Flow) -> float:
    """Mean length of the longest 5% of a flow."""
    lengths = np.sort(np.linalg.norm(flow.astype(np.float64), axis=-1), axis=None)
    return float(lengths[-max(1, int(lengths.size * 0.05)) :].mean())
