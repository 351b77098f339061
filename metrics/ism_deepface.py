"""Identity score matching as Anti-DreamBooth's own code measures it, through DeepFace; slow, and with TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card, ImageU8
from antibench.metrics.citations import ANTI_DREAMBOOTH
from antibench.metrics.ism_buffalo import IsmBuffalo
from antibench.metrics.judges.deepface_arcface import embedder
from antibench.metrics.judges.downloaded import require_sha256
from antibench.metrics.judges.onnx_network import Floats


@dataclass(frozen=True)
class IsmDeepFace(IsmBuffalo):
    """Mean over judged frames *with a face* of the cosine between the frame's largest face and the clean photo's.

    Its numbers do not compare with those of `ism[buffalo_l]`: other weights, detector and cut.

    Attributes:
        arcface_sha256: Hash of arcface_weights.h5; none is known here, and without one nothing is scored.
        retinaface_sha256: The same of retinaface.h5.

    Raises:
        ValueError: for anything else.
    """

    arcface_sha256: str = ""
    retinaface_sha256: str = ""
    name: ClassVar[str] = "ism[deepface]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Identity of the video by DeepFace's ArcFace and RetinaFace, frames without a face left out",
        source="ISM of Anti-DreamBooth (Van Le et al., 2023)",
        year=2023,
        arxiv="2303.15433",
        citation=ANTI_DREAMBOOTH,
        licence="deepface MIT; that of its ArcFace and RetinaFace weights is not stated",
        deviations=("judged frames in place of all; frame 0 is never judged", "one clean photo in place of a set"),
        notes="Detection enforced, aligned, the package's own thresholds. The package could not be run where this was "
        "written: what is asked of it is tested on one that answers as it does. The original divides the sum of clean "
        "embeddings by all files, failed ones too, which a cosine does not see.",
    )
    photo_twin: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require_sha256(self.arcface_sha256, "arcface_sha256")
        require_sha256(self.retinaface_sha256, "retinaface_sha256")

    def embed(self, image: ImageU8) -> Floats | None:
        """The embedding of the largest face of an (H, W, 3) uint8 image, or None."""
        return embedder(self.arcface_sha256, self.retinaface_sha256)(image)
