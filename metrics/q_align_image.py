"""Quality of the video's frames as pictures: Q-Align, the "Q-A(F)" of the field's tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.citations import Q_ALIGN
from antibench.metrics.judges.downloaded import require_commit
from antibench.metrics.judges.q_align import DTYPES, one_align
from antibench.metrics.result import within
from antibench.metrics.sampling import JudgesFrames, judged


@dataclass(frozen=True)
class QAlignImage(JudgesFrames):
    """Mean over judged frames of OneAlign's quality of an image.

    Attributes:
        judged_frames: How many frames are judged: evenly spaced, without frame 0.
        revision: Commit of q-future/one-align, 40 hex digits; none is known here, and without one nothing is scored.
        device: Where the 7B network computes; torch device string.
        dtype: "float16" as the reference, "bfloat16" or "float32".

    Raises:
        ValueError: for a parameter that is none of these.
    """

    judged_frames: int = 8
    revision: str = ""
    device: str = "cpu"
    dtype: str = "float16"
    name: ClassVar[str] = "q-align-image"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Quality of the frames: Q-Align (OneAlign), image",
        source="Wu et al., ICML 2024: softmax over five level tokens, weights 1 to 0",
        year=2024,
        arxiv="2312.17090",
        citation=Q_ALIGN,
        licence="S-Lab License 1.0 (non-commercial); the hub's card says MIT; LLaMA 2 Community License beneath",
        reference="Q-Future/Q-Align, q_align/evaluate/scorer.py",
        deviations=("own loader and network", "frame 0 is not judged: it is the photo itself"),
        notes="Pictures padded to a square by the mean colour, then 448 px, bicubic. The hub could not be reached when "
        "this was written. Names of weights follow the authors' code; their number, 862, and size, 16.41 GB, are those "
        "of public listings of its fine-tunes. The network is held to transformers' Llama and CLIP on small sizes.",
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require_commit(self.revision, "revision")
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, got {self.dtype!r}")

    def score(self, view: CellView) -> float | Unscored:
        """0..1; 1 = excellent."""
        network = one_align(self.revision, self.device, self.dtype)
        scores = [network.rate([frame], "image") for frame in judged(view.frames, self.judged_frames)]
        return within(self.bounds, float(np.mean(scores)))
