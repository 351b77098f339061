"""VBench's motion smoothness by a flow that needs no weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from antibench.contracts import Card, CellView, FramesU8, ImageU8, Unscored
from antibench.metrics.citations import VBENCH
from antibench.metrics.judges.flow import flows, unfit
from antibench.metrics.judges.interpolation import between
from antibench.metrics.result import within


@dataclass(frozen=True)
class VbenchMotionSmoothness:
    """(255 - mean absolute difference, in levels, of the odd frames and what the even ones foretell of them) / 255.

    A frozen video is perfectly smooth. Another interpolation is a subclass with another `foretell`, name and card.
    Unscored below three frames.
    """

    name: ClassVar[str] = "vbench-motion-smoothness[dis]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="VBench motion smoothness with DIS flow",
        source="Huang et al., VBench, 2024, dimension motion_smoothness; raw score",
        year=2024,
        arxiv="2311.17982",
        citation=VBENCH,
        licence="VBench Apache-2.0, Apache-2.0 (OpenCV)",
        reference="Vchitect/VBench@00c4b29cf313eddd2ac456a3af829c528fa31da2",
        deviations=(
            "frames are foretold along DIS flow (Super SloMo's equation 4), not by AMT-S, whose code is under a "
            "non-commercial licence: not to be set beside VBench's values",
        ),
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def foretell(self, even: FramesU8) -> list[ImageU8]:
        """The frames between the frames of a (N, H, W, 3) clip, N - 1 of them."""
        forth, back = flows(even), flows(even[::-1])[::-1]
        pairs = zip(even, even[1:], forth, back, strict=False)
        return [between(first, second, there, home) for first, second, there, home in pairs]

    def score(self, view: CellView) -> float | Unscored:
        """0..1; 1 = every odd frame lies half way between its neighbours."""
        if len(view.frames) < 3:
            return Unscored(f"a video of {len(view.frames)} frame(s) has none between two others")
        even, odd = view.frames[::2], view.frames[1::2]
        reason = unfit(even)
        if reason is not None:
            return reason
        errors = [np.abs(a.astype(np.int16) - b).mean() for a, b in zip(self.foretell(even), odd, strict=False)]
        return within(self.bounds, (255 - float(np.mean(errors))) / 255)
