"""Quality of the faces in the video, for recognition: CLIB-FIQA, the "C-FIQA" of the field's tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.judges.arcface import aligned
from antibench.metrics.judges.clib_fiqa import clib_fiqa
from antibench.metrics.judges.downloaded import require_sha256
from antibench.metrics.judges.faces import find
from antibench.metrics.result import within
from antibench.metrics.sampling import JudgesFrames, judged

_CITATION = (
    "@inproceedings{ou2024clibfiqa, title={CLIB-FIQA: Face Image Quality Assessment with Confidence Calibration}, "
    "author={Ou, Fu-Zhao and Li, Chongyi and Wang, Shiqi and Kwong, Sam}, booktitle={CVPR}, year={2024}}"
)


@dataclass(frozen=True)
class ClibFiqaMetric(JudgesFrames):
    """Mean quality of the likeliest face over judged frames with a face; unscored if there is none.

    Frames without a face drop out: read it beside `fdfr[mtcnn]`.

    Attributes:
        sha256: Hash of the file of the weights, 64 hex digits; none is known here, and without one nothing is scored.

    Raises:
        ValueError: for anything else.
    """

    sha256: str = ""
    name: ClassVar[str] = "clib-fiqa"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Quality of the faces in the video: CLIB-FIQA",
        source="Ou et al., CVPR 2024: softmax over 360 joint prompts, marginal over quality, bins 0.1 to 0.9",
        year=2024,
        citation=_CITATION,
        licence="weights and code MIT (CLIB-FIQA), CLIP RN50 MIT; MTCNN weights MIT",
        reference="oufuzhao/CLIB-FIQA, inference.py",
        deviations=(
            "The reference takes a face as it is; here MTCNN finds it, and five landmarks align it to 112 px first.",
            "float32 where the reference runs in half precision",
        ),
        notes="Neither the weights nor their hash were at hand where this was written: names, prompts and head follow "
        "the authors' code. That the field's C-FIQA is CLIB-FIQA is a common reading; no table says so.",
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (0.1, 0.9)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require_sha256(self.sha256, "sha256")

    def score(self, view: CellView) -> float | Unscored:
        """0.1..0.9; high = a face fit for recognition."""
        frames = judged(view.frames, self.judged_frames)
        found = [(frame, face) for frame in frames if (face := find(frame)) is not None]
        if not found:
            return Unscored(f"none of {len(frames)} judged frames has a face")
        network = clib_fiqa(self.sha256)
        scores = [network.score(aligned(frame, face.landmarks)) for frame, face in found]
        return within(self.bounds, float(np.clip(np.mean(scores), *self.bounds)))
