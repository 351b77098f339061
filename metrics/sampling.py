"""Which frames of a video are judged, and what they are compared with."""

from __future__ import annotations

from dataclasses import dataclass

from antibench.contracts import FramesU8, ImageU8
from antibench.pixels import fit


@dataclass(frozen=True)
class JudgesFrames:
    """The parameter of metrics that look at a few frames of a video.

    Raises:
        ValueError: if it is below 1.
    """

    judged_frames: int = 4
    """How many frames are judged: evenly spaced, without frame 0 (`judged_indices`)."""

    def __post_init__(self) -> None:
        if self.judged_frames < 1:
            raise ValueError(f"judged_frames is {self.judged_frames}; at least one frame has to be judged")


def judged_indices(total: int, count: int) -> list[int]:
    """Evenly spaced frame numbers ending with the last one.

    Frame 0 is left out: image-to-video models return the photo itself there, which says nothing about the video. A
    video of one frame has only that one. If `count` is more than there are, all are taken once.

    Args:
        total: Frames of the video, >= 1.
        count: How many to judge, >= 1.
    """
    if total == 1:
        return [0]
    return sorted({-(-k * (total - 1) // count) for k in range(1, count + 1)})


def judged(frames: FramesU8, count: int) -> FramesU8:
    """The frames of `judged_indices`, (N, H, W, 3)."""
    return frames[judged_indices(len(frames), count)]


def at_size_of(photo: ImageU8, frames: FramesU8) -> ImageU8:
    """A photo as a model of the frames' size sees it: cut to their aspect and resized."""
    return fit(photo, (frames.shape[1], frames.shape[2]))
