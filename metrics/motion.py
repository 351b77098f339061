"""How much moves in the video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.judges.flow import mean_motion, unfit
from antibench.metrics.result import within

_CITATION = (
    "@inproceedings{kroeger2016dis, title={Fast Optical Flow using Dense Inverse Search}, "
    "author={Kroeger, Till and Timofte, Radu and Dai, Dengxin and Van Gool, Luc}, booktitle={ECCV}, year={2016}}"
)


@dataclass(frozen=True)
class Motion:
    """Mean length of the optical flow over all pixels and neighbouring frames, in pixels per frame.

    Descriptive: some protections freeze a video, others fill it with flicker. Unscored for a single frame.
    """

    name: ClassVar[str] = "motion"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Mean optical flow in pixels per frame",
        source="DIS optical flow (Kroeger et al., Fast Optical Flow using Dense Inverse Search, 2016), medium preset",
        year=2016,
        arxiv="1603.03590",
        citation=_CITATION,
        licence="Apache-2.0 (OpenCV)",
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "neither"
    bounds: ClassVar[tuple[float, float]] = (0.0, 10_000.0)
    """No frame is wider."""
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        """0 upwards, in pixels of the video's own size."""
        reason = unfit(view.frames)
        if reason is not None:
            return reason
        return within(self.bounds, mean_motion(view.frames))
