"""Whether the end of the video is as sharp as the photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import cv2
import numpy as np

from antibench.contracts import Card, CellView, ImageU8, Unscored
from antibench.metrics.result import within
from antibench.metrics.sampling import at_size_of


@dataclass(frozen=True)
class Sharpness:
    """Variance of the Laplacian of the last frames, mean of them, as a multiple of the clean photo's.

    Below 1: blurred; above 1: over-sharpened or noisy, which is why it only describes. Capped at 100; unscored if the
    photo is flat.
    """

    last_frames: int = 2
    """How many frames at the end are looked at: blur grows with time in image-to-video models."""

    def __post_init__(self) -> None:
        if self.last_frames < 1:
            raise ValueError(f"last_frames is {self.last_frames}; at least one frame has to be looked at")

    name: ClassVar[str] = "sharpness"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Sharpness of the last frames relative to the photo",
        source="variance of the Laplacian (Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, 2000)",
        year=2000,
        licence="Apache-2.0 (OpenCV)",
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "neither"
    bounds: ClassVar[tuple[float, float]] = (0.0, 100.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        """0..100; 1 = as sharp as the photo."""
        of_photo = _laplacian_variance(at_size_of(view.photo, view.frames))
        if of_photo == 0:
            return Unscored("the photo is flat: it has no sharpness to compare with")
        last = view.frames[-self.last_frames :]
        ratio = float(np.mean([_laplacian_variance(frame) for frame in last])) / of_photo
        return within(self.bounds, min(ratio, self.bounds[1]))


def _laplacian_variance(image: ImageU8) -> float:
    grey = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    return float(np.var(cv2.Laplacian(grey, cv2.CV_64F)))
