"""Optical flow of neighbouring frames: DIS (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", 2016)."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeAlias, cast

import cv2
import numpy as np
import numpy.typing as npt

from antibench.contracts import FramesU8, Unscored

Flow: TypeAlias = npt.NDArray[np.float32]
"""(H, W, 2): how far each pixel moves to the right and down, in pixels."""

SMALLEST = 16
"""Least side in pixels that DIS's patches and pyramid can work on."""


def unfit(frames: FramesU8) -> Unscored | None:
    """Why a (T, H, W, 3) video has no optical flow, or None."""
    if len(frames) < 2:
        return Unscored("a video of one frame does not move")
    if min(frames.shape[1:3]) < SMALLEST:
        return Unscored(f"frames of {frames.shape[1]}x{frames.shape[2]} are too small for optical flow")
    return None


def flows(frames: FramesU8) -> list[Flow]:
    """Flow from each frame to the next, T - 1 of them."""
    grey = [cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY) for frame in frames]
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return [cast(Flow, method.calc(now, after, None)) for now, after in pairwise(grey)]


def mean_motion(frames: FramesU8) -> float:
    """Mean length of the flow over all pixels and neighbouring frames, in pixels a frame."""
    return float(np.mean([np.linalg.norm(flow.astype(np.float64), axis=-1).mean() for flow in flows(frames)]))
