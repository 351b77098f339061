"""Which frames of a video are judged, and what they are compared with."""

from __future__ import annotations

from antibench.contracts import FramesU8, ImageU8
from antibench.pixels import fit


def judged_indices(total: int, count: int) -> list[int]:
    """Evenly spaced frame numbers ending with the last one.

    Frame 0 is left out: image-to-video models return the photo itself there, which says nothing about the video. A
    video of one frame has only that one. If `count` is more than there are, all are taken once.

    Raises:
        ValueError: if either is below 1.
    """
    if total < 1 or count < 1:
        raise ValueError(f"cannot judge {count} of {total} frames")
    if total == 1:
        return [0]
    return sorted({-(-k * (total - 1) // count) for k in range(1, count + 1)})


def judged(frames: FramesU8, count: int) -> FramesU8:
    """The frames of `judged_indices`, (N, H, W, 3)."""
    return frames[judged_indices(len(frames), count)]


def at_size_of(photo: ImageU8, frames: FramesU8) -> ImageU8:
    """A photo as a model of the frames' size sees it: cut to their aspect and resized."""
    return fit(photo, (frames.shape[1], frames.shape[2]))
