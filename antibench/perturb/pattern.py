"""A target image of high contrast and many scales, in the manner of the one Mist publishes."""

from __future__ import annotations

import math

import torch


def contrast_pattern(height: int, width: int, *, periods: float = 8) -> torch.Tensor:
    """Black and white rings crossed with diagonal stripes, (1, 3, height, width), each value 0 or 1.

    Args:
        height: In pixels.
        width: In pixels.
        periods: Periods of the stripes along each side.
    """
    y = (torch.arange(height) + 0.5).view(-1, 1) / height
    x = (torch.arange(width) + 0.5).view(1, -1) / width
    stripes = torch.sin(2 * math.pi * periods * (x + y))
    rings = torch.sin(4 * math.pi * periods * torch.hypot(y - 0.5, x - 0.5))
    return (stripes * rings > 0).float().expand(1, 3, height, width)
