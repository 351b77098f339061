"""Quality of the video as such: Q-Align, the "Q-A(V)" of the field's tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.citations import Q_ALIGN
from antibench.metrics.judges.q_align import one_align
from antibench.metrics.q_align_image import QAlignImage
from antibench.metrics.result import within
from antibench.metrics.sampling import judged


@dataclass(frozen=True)
class QAlignVideo(QAlignImage):
    """OneAlign's quality of a video, of which it sees the judged frames together, in their order.

    Attributes:
        sampling: "uniform": the judged frames. "reference": as the authors' loader, one frame a second from frame 0.
        fps: Frames a second, for the reference loader.

    Raises:
        ValueError: for a parameter that is none of these.
    """

    sampling: str = "uniform"
    fps: float = 8.0
    name: ClassVar[str] = "q-align-video"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Quality of the video: Q-Align (OneAlign), video",
        source="Wu et al., ICML 2024: softmax over five level tokens, weights 1 to 0",
        year=2024,
        arxiv="2312.17090",
        citation=Q_ALIGN,
        licence=QAlignImage.card.licence,
        reference="Q-Future/Q-Align, q_align/evaluate/scorer.py",
        deviations=(
            "own loader and network",
            "eight uniform frames: one a second, as the reference takes, would be two of a clip of 16 at 8 fps",
        ),
        notes=QAlignImage.card.notes,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sampling not in ("uniform", "reference"):
            raise ValueError(f"sampling must be uniform or reference, got {self.sampling!r}")
        if not self.fps > 0:
            raise ValueError(f"fps must be above 0, got {self.fps}")

    def score(self, view: CellView) -> float | Unscored:
        """0..1; 1 = excellent."""
        frames = judged(view.frames, self.judged_frames)
        if self.sampling == "reference":
            seconds = int(len(view.frames) / self.fps)
            if seconds == 0:
                return Unscored(f"a video of {len(view.frames)} frames at {self.fps:g} fps is shorter than a second")
            frames = view.frames[[int(self.fps * second) for second in range(seconds)]]
        network = one_align(self.revision, self.device, self.dtype)
        return within(self.bounds, network.rate(list(frames), "video"))
