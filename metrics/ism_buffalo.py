"""Identity score matching of the video with the photo, by InsightFace's ArcFace: the default for real photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from antibench.contracts import Card, CellView, ImageU8, Unscored
from antibench.metrics.citations import ANTI_DREAMBOOTH
from antibench.metrics.judges import buffalo
from antibench.metrics.judges.buffalo import FACTS, LICENCE
from antibench.metrics.judges.likeness import likenesses, mean_of_seen
from antibench.metrics.judges.onnx_network import Floats
from antibench.metrics.result import within
from antibench.metrics.sampling import JudgesFrames, at_size_of, judged


@dataclass(frozen=True)
class IsmBuffalo(JudgesFrames):
    """Mean over judged frames *with a face* of the cosine between the frame's largest face and the clean photo's.

    Frames without a face drop out: read it beside `ism0[buffalo_l]` and `fdfr[buffalo_l]`. Unscored if no judged frame
    has a face, or the photo has none. Another network is a subclass with another `embed`, name and card.
    """

    name: ClassVar[str] = "ism[buffalo_l]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Identity of the video by ArcFace (buffalo_l): cosine of faces, frames without a face left out",
        source="ISM of Anti-DreamBooth (Van Le et al., 2023)",
        year=2023,
        arxiv="2303.15433",
        citation=ANTI_DREAMBOOTH,
        licence=LICENCE,
        deviations=("SCRFD in place of RetinaFace", "judged frames in place of all; frame 0 is never judged"),
        notes=FACTS,
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = "ism-photo[buffalo_l]"

    def embed(self, image: ImageU8) -> Floats | None:
        """The embedding of the face of an (H, W, 3) uint8 image, or None."""
        return buffalo.embed(image)

    def score(self, view: CellView) -> float | Unscored:
        """-1..1; 1 = the same face."""
        frames = judged(view.frames, self.judged_frames)
        found = likenesses(at_size_of(view.photo, frames), frames, self.embed)
        mean = found if isinstance(found, Unscored) else mean_of_seen(found)
        return mean if isinstance(mean, Unscored) else within(self.bounds, mean)
