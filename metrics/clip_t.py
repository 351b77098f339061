"""Whether the video shows what the caption says, to CLIP ViT-B/32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.citations import CLIP
from antibench.metrics.judges.clip import LICENCE, SHA256, Seen, clip_text
from antibench.metrics.judges.deep_features import cosine
from antibench.metrics.result import within
from antibench.metrics.sampling import JudgesFrames, judged


@dataclass(frozen=True)
class ClipT(JudgesFrames):
    """Mean over judged frames of the cosine between a frame's CLIP embedding and the caption's.

    Real pictures and their captions come out near 0.3. Unscored without a caption.
    """

    name: ClassVar[str] = "clip-t[vit-b-32]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Likeness of the video to its caption in CLIP ViT-B/32 embeddings",
        source="CLIP-T of Immune2V and IP-Bench: cosine of frame and prompt",
        year=2021,
        arxiv="2103.00020",
        citation=CLIP,
        licence=LICENCE,
        reference=f"OpenAI ViT-B-32.pt, SHA-256 {SHA256['ViT-B-32']}",
        deviations=("mean of the frames' cosines; IP-Bench takes the cosine of the frames' mean embedding",),
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        """-1..1, rarely beyond 0.1..0.4; higher = the frames show what the caption says."""
        if not view.caption.strip():
            return Unscored("there is no caption to compare the video with")
        caption = clip_text("ViT-B-32", view.caption)
        seen = Seen("ViT-B-32")
        found = [cosine(seen(frame), caption) for frame in judged(view.frames, self.judged_frames)]
        return within(self.bounds, float(np.mean(found)))
