"""The frame between two frames, by following the optical flow half way from both sides.

Super SloMo's approximation (Jiang et al., CVPR 2018, equation 4) at t = 1/2, and the mean of the two warped frames;
nothing is learnt, so nothing is filled in where something was hidden.
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from antibench.contracts import ImageU8
from antibench.metrics.judges.flow import Flow


def between(first: ImageU8, second: ImageU8, forth: Flow, back: Flow) -> ImageU8:
    """The frame half way between two (H, W, 3) frames.

    Args:
        first: The frame before.
        second: The frame after.
        forth: Flow from the first to the second, (H, W, 2).
        back: Flow from the second to the first.
    """
    to_first: Flow = (back - forth) / np.float32(4)
    mean = (_warped(first, to_first) + _warped(second, -to_first)) / 2
    return np.clip(np.round(mean), 0, 255).astype(np.uint8)


def _warped(frame: ImageU8, flow: Flow) -> npt.NDArray[np.float32]:
    height, width = frame.shape[:2]
    home = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
    source = home + flow
    pixels = np.ascontiguousarray(frame).astype(np.float32)
    moved = cv2.remap(pixels, source, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cast("npt.NDArray[np.float32]", moved)
