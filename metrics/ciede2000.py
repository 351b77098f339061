"""Colour difference of the protected photo, as the eye weighs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.result import within

_CITATION = (
    "@article{sharma2005ciede2000, title={The CIEDE2000 Color-Difference Formula}, "
    "author={Sharma, Gaurav and Wu, Wencheng and Dalal, Edul N.}, "
    "journal={Color Research and Application}, year={2005}}"
)


@dataclass(frozen=True)
class Ciede2000:
    """Mean CIEDE2000 difference over pixels (sRGB, D65); about 1 is just noticeable side by side."""

    name: ClassVar[str] = "ciede2000"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Fidelity of the protected photo: mean CIEDE2000 colour difference",
        source="Sharma, Wu, Dalal, The CIEDE2000 Color-Difference Formula, 2005",
        year=2005,
        citation=_CITATION,
        licence="BSD-3-Clause (scikit-image)",
        reference="skimage.color.deltaE_ciede2000",
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "neither"
    bounds: ClassVar[tuple[float, float]] = (0.0, 200.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "fidelity"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        """0..200; lower = less visible, 0 = equal."""
        difference = deltaE_ciede2000(rgb2lab(view.photo), rgb2lab(view.protected))
        return within(self.bounds, float(np.mean(difference)))
