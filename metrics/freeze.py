"""Whether the video was frozen at good looks, as against destroyed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from antibench.contracts import Card, CellView, ImageU8, Unscored
from antibench.metrics.citations import VID_FREEZE
from antibench.metrics.judges.deep_features import Features, vgg_features
from antibench.metrics.judges.freezing import looks, stillness
from antibench.metrics.result import within
from antibench.metrics.sampling import JudgesFrames


@dataclass(frozen=True)
class Freeze(JudgesFrames):
    """Stillness x looks: what share of the clean clip's motion is gone, times how well the picture is kept.

    1: the photo as a still. 0: it moves like the clean clip, or there is no picture left. `destruction` is its
    counterpart: the two sum to at most 1. Another network is a subclass with another `extract`, name and card.
    Unscored for a single frame and where the clean clip hardly moves.
    """

    least_motion: float = 0.05
    """Pixels a frame that the clean clip must move."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.least_motion > 0:
            raise ValueError(f"least_motion is {self.least_motion}; a clip that does not move cannot be frozen")

    name: ClassVar[str] = "freeze[dis-vgg]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Frozen at good looks",
        source="the success that Vid-Freeze (arXiv 2509.23279) claims, low motion at good looks; definition ours",
        year=2025,
        arxiv="2509.23279",
        citation=VID_FREEZE,
        licence="Apache-2.0 (OpenCV), weights BSD-2-Clause",
        deviations=("not the paper's temporal SSIM, whose definition is not known",),
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "neither"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def extract(self, image: ImageU8) -> Features:
        """The feature vector of an (H, W, 3) uint8 image."""
        return vgg_features(image)

    def score(self, view: CellView) -> float | Unscored:
        """0..1; 1 = the photo stands still."""
        still = stillness(view, self.least_motion)
        if isinstance(still, Unscored):
            return still
        kept = looks(view, self.extract, self.judged_frames)
        return kept if isinstance(kept, Unscored) else within(self.bounds, still * kept)
