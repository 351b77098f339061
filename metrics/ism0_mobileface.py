"""Identity score matching by the second network, which confirms what the first one says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card
from antibench.metrics.citations import ANTI_DREAMBOOTH
from antibench.metrics.ism0 import Ism0
from antibench.metrics.judges.faces import Recogniser
from antibench.metrics.judges.mobileface import APART, LICENCE


@dataclass(frozen=True)
class Ism0MobileFace(Ism0):
    """Mean over *all* judged frames of the centred cosine to the clean photo's face; a frame without a face counts 0.

    The same as `ism0[dlib]` by another network. An effect that only one of the two sees is that network's weakness,
    not a lost identity.
    """

    name: ClassVar[str] = "ism0[mobileface]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Identity of the video by a second network: cosine of faces, a missing face counts 0",
        source="ISM of Anti-DreamBooth (Van Le et al., 2023) without its survivor bias",
        year=2023,
        arxiv="2303.15433",
        citation=ANTI_DREAMBOOTH,
        licence=LICENCE,
        deviations=(
            "frames without a face count 0 instead of vanishing",
            "MobileFace, centred, instead of ArcFace; aligned as ArcFace by MTCNN's five landmarks",
        ),
        notes=APART,
    )
    photo_twin: ClassVar[str | None] = "ism-photo[mobileface]"
    recogniser: ClassVar[Recogniser] = "mobileface"
