"""Pillow's antialiased resizing in torch: linear and separable, so one matrix a side."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image


def resampled(
    image: torch.Tensor,
    height: int,
    width: int,
    how: Image.Resampling,
    box: tuple[int, int, int, int] | None = None,
) -> torch.Tensor:
    """Resize without rounding and without clipping, differentiably.

    Args:
        image: (1, 3, H, W) in [0, 1].
        height: Rows of the result.
        width: Columns of the result.
        how: Pillow's filter.
        box: The part to read as (left, top, right, bottom) in whole pixels; None for all of it.
    """
    left, top, right, bottom = box or (0, 0, image.shape[-1], image.shape[-2])
    rows, columns = _weights(bottom - top, height, how).to(image), _weights(right - left, width, how).to(image)
    return rows @ image[..., top:bottom, left:right] @ columns.T


def _weights(side: int, into: int, how: Image.Resampling) -> torch.Tensor:
    """(into, side): the unit matrix, resized along one axis, holds the weights that Pillow gives each pixel."""
    unit = Image.fromarray(np.eye(side, dtype=np.float32))
    return torch.from_numpy(np.array(unit.resize((side, into), how)))
