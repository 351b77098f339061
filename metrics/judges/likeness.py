"""How alike the faces of a video and of a photo are, by any network that embeds a face."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from antibench.contracts import FramesU8, ImageU8, Unscored
from antibench.metrics.judges.deep_features import cosine

Embed: TypeAlias = Callable[[ImageU8], npt.NDArray[np.float32] | None]
"""(H, W, 3) uint8 to the embedding of its face, (D,), or None if there is no face."""


def likenesses(photo: ImageU8, frames: FramesU8, embed: Embed) -> list[float | None] | Unscored:
    """Cosine of each frame's face to the face of a photo, -1..1; None for a frame without a face.

    Args:
        photo: (H, W, 3), of the frames' size: at small sizes the resolution itself moves an embedding.
        frames: (T, H, W, 3).
        embed: The network.
    """
    wanted = embed(photo)
    if wanted is None:
        return Unscored("no face is found in the photo that the frames are compared with")
    found = [embed(frame) for frame in frames]
    return [None if face is None else cosine(face, wanted) for face in found]


def mean_of_seen(found: list[float | None]) -> float | Unscored:
    """Mean over the frames with a face."""
    seen = [value for value in found if value is not None]
    return float(np.mean(seen)) if seen else Unscored(f"none of {len(found)} judged frames has a face")


def mean_of_all(found: list[float | None]) -> float:
    """Mean over all frames, of which one without a face counts 0."""
    return float(np.mean([value or 0.0 for value in found]))
