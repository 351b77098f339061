"""Structural similarity of the protected photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from skimage.metrics import structural_similarity

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.result import within

_WINDOW = 11


_CITATION = (
    "@article{wang2004ssim, title={Image Quality Assessment: From Error Visibility to Structural Similarity}, "
    "author={Wang, Zhou and Bovik, Alan C. and Sheikh, Hamid R. and Simoncelli, Eero P.}, "
    "journal={IEEE Transactions on Image Processing}, year={2004}}"
)


@dataclass(frozen=True)
class Ssim:
    """Mean SSIM over pixels and channels: Gaussian window of 11 px (sigma 1.5), data range 255."""

    name: ClassVar[str] = "ssim"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Fidelity of the protected photo: SSIM",
        source="Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, 2004",
        year=2004,
        citation=_CITATION,
        licence="BSD-3-Clause (scikit-image)",
        reference="skimage.metrics.structural_similarity with the settings of the paper",
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "neither"
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "fidelity"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        """-1..1; 1 = equal."""
        if min(view.photo.shape[:2]) < _WINDOW:
            return Unscored(f"a photo of {view.photo.shape[0]}x{view.photo.shape[1]} is smaller than SSIM's window")
        value = structural_similarity(
            view.protected,
            view.photo,
            channel_axis=-1,
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        return within(self.bounds, min(float(value), 1.0))
