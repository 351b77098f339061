"""A photo as a model of another size sees it, differentiably: the twin of `pixels.fit`."""

from __future__ import annotations

import functools

import numpy as np
import torch
from PIL import Image

from antibench.pixels import as_saved


def fitted(image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Cut to the aspect of `size` = (height, width) around the centre, resize (Lanczos), round to 8 bits.

    Args:
        image: (1, 3, H, W) in [0, 1].
        size: Of the model.

    Returns:
        (1, 3, *size) in [0, 1]; the gradient passes straight through the rounding.
    """
    height, width = size
    have_h, have_w = image.shape[-2:]
    if (have_h, have_w) == (height, width):
        return image
    scale = min(have_h / height, have_w / width)
    rows = _weights(have_h, max(1, round(height * scale)), height).to(image)
    columns = _weights(have_w, max(1, round(width * scale)), width).to(image)
    return as_saved((rows @ image @ columns.T).clamp(0, 1))


@functools.cache
def _weights(side: int, kept: int, into: int) -> torch.Tensor:
    """(into, side): Pillow's own weights. Resampling is linear and separable, so the resized unit matrix holds them."""
    first = (side - kept) // 2
    cut = np.eye(side, dtype=np.float32)[first : first + kept]
    resized = Image.fromarray(cut).resize((side, into), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(resized))
