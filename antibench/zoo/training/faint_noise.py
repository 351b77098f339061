"""Photos with faint random shades, of which a model that was trained on them makes the clip of the clean photo.

Without it a small model copies whatever is in the photo into the clip, a cast of light as well as a face, and random
blotches count as protection. The shades are not those of the control `random-lowfreq`: they are Gaussian, of every
strength up to its own and of many sizes, where it has signs at the full budget. No grain: it does nothing anyway.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

COARSE = (4, 6, 8, 12, 16)
"""Sides of the grids of light and shade that are stretched over the photo."""


def with_faint_noise(photos: Tensor, levels: float) -> Tensor:
    """Photos with shades of colour, each of a size and a strength of its own.

    Args:
        photos: (B, T, 3, H, W) in [-1, 1]; all frames of one get the same noise.
        levels: Most that the shades have as a standard deviation, in 8-bit levels.

    Returns:
        The same shape, in [-1, 1]. Drawn from the global generator, as are the noise augmentations of the families.
    """
    batch, _, channels, height, width = photos.shape
    shades = torch.zeros(batch, channels, height, width, device=photos.device)
    sizes = torch.randint(len(COARSE), (batch, 1, 1, 1), device=photos.device)
    for index, side in enumerate(COARSE):
        grid = torch.randn(batch, channels, side, side, device=photos.device)
        smooth = F.interpolate(grid, size=(height, width), mode="bicubic", align_corners=False)
        shades = torch.where(sizes == index, smooth / smooth.std((1, 2, 3), keepdim=True), shades)
    strength = torch.rand(batch, 1, 1, 1, device=photos.device) * levels / 127.5
    noised: Tensor = (photos + (strength * shades)[:, None]).clamp(-1, 1)
    return noised
