"""Quality of the video's frames in the small world: the counterpart of Q-Align there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.judges.quality_net import SMALLEST, rate
from antibench.metrics.result import within
from antibench.metrics.sampling import JudgesFrames, judged


@dataclass(frozen=True)
class QualitySmall(JudgesFrames):
    """Mean over judged frames of the mean level that a small network gives them, excellent 1 to bad 0.

    It knows rendered photos of 64 px under graded distortions; of real photos its number means little. It looks for
    faults of a picture, not for who or what is on it: a clip of somebody else may be excellent.
    """

    name: ClassVar[str] = "quality[small]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Quality of the frames by a small network of the small world, in five levels",
        source="five level logits, weights 1 to 0, as Q-Align (Wu et al., ICML 2024); own network and training",
        year=2024,
        arxiv="2312.17090",
        licence="weights Apache-2.0 (quality-small)",
        deviations=(
            "a convolutional network in place of a language model",
            "levels of distortions, rated by no person",
        ),
        notes="Spearman rank correlation of score and level, people held out: 0.82 over the seven kinds of distortion "
        "of its training (0.67 ghosting to 0.95 blur and JPEG), 0.60 over five kinds it never saw (impulses 0.91, "
        "posterised 0.87, motion blur 0.81, echo 0.60). Warped shapes it does not see at all (-0.03): a melted face of "
        "clean pixels passes for good. An untouched photo scores 0.86 in the mean. It has seen no protection.",
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        """0..1; 1 = excellent."""
        height, width = view.frames.shape[1:3]
        if min(height, width) < SMALLEST:
            return Unscored(f"frames of {height}x{width} are too small for the quality network")
        scores = [rate(frame) for frame in judged(view.frames, self.judged_frames)]
        return within(self.bounds, float(np.mean(scores)))
