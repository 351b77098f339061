"""VBench-I2V's conformity of the video's subject with the photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from antibench.contracts import Card, CellView, ImageU8, Unscored
from antibench.metrics.citations import VBENCH
from antibench.metrics.judges.deep_features import Features
from antibench.metrics.judges.dino import LICENCE, V1, dino_features
from antibench.metrics.judges.likeness_over_time import conformity, unfit
from antibench.metrics.result import within
from antibench.metrics.sampling import at_size_of


@dataclass(frozen=True)
class VbenchI2vSubject:
    """0.4 x the likest frame's cosine to the photo + 0.3 x mean + 0.3 x least cosine of neighbouring frames.

    The likest frame is nearly always the first, which the model gives back: `dino-image[vitb16]` leaves it out. Another
    network is a subclass with another `extract`, name and card. Unscored for a single frame.
    """

    name: ClassVar[str] = "vbench-i2v-subject[dino-vitb16]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="VBench-I2V conformity of the subject with the photo",
        source="Huang et al., VBench, 2024, VBench-I2V dimension i2v_subject; raw score",
        year=2024,
        arxiv="2311.17982",
        citation=VBENCH,
        licence=f"VBench Apache-2.0, {LICENCE}",
        reference="Vchitect/VBench@c327ef8e102710bfa7eecf9d37d7eff678491695; " + "@".join(V1),
        deviations=(
            "weights and position embeddings as transformers converted and interpolates them",
            "the photo is the clean one, cut to the video's aspect and size",
            "weights 0.4, 0.3, 0.3; an earlier version had 0.5, 0.5, 0",
        ),
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def extract(self, image: ImageU8) -> Features:
        """The feature vector of an (H, W, 3) uint8 image."""
        return dino_features(image)

    def score(self, view: CellView) -> float | Unscored:
        """0..1; 1 = every frame shows what the photo shows."""
        reason = unfit(view.frames)
        if reason is not None:
            return reason
        photo = self.extract(at_size_of(view.photo, view.frames))
        return within(self.bounds, min(1.0, conformity(photo, [self.extract(frame) for frame in view.frames])))
