"""Whether a clip stands still and whether it still looks like its photo, each held against the clean photo's clip.

A protection may win by freezing the animation at good looks (Vid-Freeze) or by destroying the picture. Quality and
likeness alone call the first a failure, and motion alone cannot tell it from a clip that shows a flat grey.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from antibench.contracts import CellView, ImageU8, Unscored
from antibench.metrics.judges import flow
from antibench.metrics.judges.deep_features import Features, cosine, mean_cosine
from antibench.metrics.sampling import at_size_of, judged

LEAST_LIKENESS = 0.05
"""By how much the clean clip must be more like the photo than a flat picture is."""


def stillness(view: CellView, least_motion: float) -> float | Unscored:
    """1 - the clip's mean flow over the clean clip's, not below 0: 1 = frozen, 0 = moves as much or more.

    Args:
        view: The cell.
        least_motion: Pixels a frame that the clean clip must move at least.
    """
    for frames, whose in ((view.frames, "the video"), (view.clean_frames, "the clean video")):
        reason = flow.unfit(frames)
        if reason is not None:
            return Unscored(f"{whose}: {reason.reason}")
    if view.frames.shape[1:] != view.clean_frames.shape[1:]:
        return Unscored(
            f"the clean video has frames of {view.clean_frames.shape[1:]}, this one {view.frames.shape[1:]}"
        )
    clean = flow.mean_motion(view.clean_frames)
    if clean < least_motion:
        return Unscored(f"the clean video hardly moves ({clean:.3f} pixels a frame): it cannot be frozen")
    return float(max(0.0, 1 - flow.mean_motion(view.frames) / clean))


def looks(view: CellView, extract: Callable[[ImageU8], Features], judged_frames: int) -> float | Unscored:
    """Likeness to the photo between that of a flat picture of its mean colour (0) and the clean clip's (1), 0..1.

    Blur, noise and another subject lower it; motion as in the clean clip does not.

    Args:
        view: The cell.
        extract: The network's feature vector of an (H, W, 3) uint8 image.
        judged_frames: How many frames are looked at.
    """
    likeness = []
    for video in (view.frames, view.clean_frames):
        frames = judged(video, judged_frames)
        found = mean_cosine(extract, list(frames), [at_size_of(view.photo, frames)] * len(frames))
        if isinstance(found, Unscored):
            return found
        likeness.append(found)
    photo = at_size_of(view.photo, view.frames)
    flat = np.broadcast_to(np.round(photo.mean(axis=(0, 1))).astype(np.uint8), photo.shape)
    nothing = cosine(extract(photo), extract(np.ascontiguousarray(flat)))
    mine, clean = likeness
    if clean - nothing < LEAST_LIKENESS:
        return Unscored("the clean video is no more like the photo than a flat picture is")
    return float(np.clip((mine - nothing) / (clean - nothing), 0, 1))
