"""Identity of the photo as it reaches the model, by the second network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card
from antibench.metrics.ism_photo import IsmPhoto
from antibench.metrics.judges.faces import Recogniser
from antibench.metrics.judges.mobileface import APART, LICENCE


@dataclass(frozen=True)
class IsmPhotoMobileFace(IsmPhoto):
    """Centred cosine between the face of the photo as seen by the model and the clean photo's; 0 if its face is lost.

    The twin of `ism0[mobileface]`. Unscored if the clean photo has no face.
    """

    name: ClassVar[str] = "ism-photo[mobileface]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Identity of the protected (and purified) photo itself, by a second network",
        source="centred cosine of MobileFace embeddings, photo as seen against clean photo",
        licence=LICENCE,
        notes=APART,
    )
    recogniser: ClassVar[Recogniser] = "mobileface"
