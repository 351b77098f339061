"""VBench's subject consistency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from antibench.contracts import Card, CellView, ImageU8, Unscored
from antibench.metrics.citations import VBENCH
from antibench.metrics.judges.deep_features import Features
from antibench.metrics.judges.dino import LICENCE, V1, dino_features
from antibench.metrics.judges.likeness_over_time import consistency, unfit
from antibench.metrics.result import within


@dataclass(frozen=True)
class VbenchSubjectConsistency:
    """Mean over frames of half the cosine to the frame before and half that to the first frame, all frames.

    Lower counts as protection, as in the field's tables; yet a frozen video is perfectly consistent and so may be one
    of pure noise: read it beside `freeze[dis-dino-vitb16]` and `destruction[dino-vitb16]`. Another network is a
    subclass with another `extract`, name and card. Unscored for a single frame.
    """

    name: ClassVar[str] = "vbench-subject-consistency[dino-vitb16]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="VBench subject consistency",
        source="Huang et al., VBench, 2024, dimension subject_consistency; raw score",
        year=2024,
        arxiv="2311.17982",
        citation=VBENCH,
        licence=f"VBench Apache-2.0, {LICENCE}",
        reference="Vchitect/VBench@03c285aab5ee799c994915a6ee0d512d72f034de; " + "@".join(V1),
        deviations=("weights and position embeddings as transformers converted and interpolates them",),
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def extract(self, image: ImageU8) -> Features:
        """The feature vector of an (H, W, 3) uint8 image."""
        return dino_features(image)

    def score(self, view: CellView) -> float | Unscored:
        """0..1; 1 = all frames show the same thing."""
        reason = unfit(view.frames)
        if reason is not None:
            return reason
        return within(self.bounds, consistency([self.extract(frame) for frame in view.frames]))
