"""How photos are spoiled for a network to mend: noise of several kinds and JPEG, then eight bits as in a file."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from antibench.purifications._jpeg_twin import jpeg_twin
from antibench.zoo.training.draws import Draws

MOST_LEVELS = 16.0
"""Largest deviation of Gaussian noise, and largest amplitude of uniform and of sign noise, in 8-bit levels."""
JPEG_SHARE, JPEG_QUALITY = 0.25, (30, 95)
SMALL_SHARE, SMALL_MOST_LEVELS = 0.75, 26.0
"""Share of halved photos that get Gaussian noise, and its largest deviation: 0.1 of the range, which noisy upscaling
adds."""


def spoiled(photos: Tensor, draws: Draws) -> Tensor:
    """Photos as a blind denoiser is trained on: each with one kind of noise, and a quarter through JPEG after it.

    A kind is Gaussian, uniform or of random signs, each for a third of the photos, of any strength up to `MOST_LEVELS`.

    Args:
        photos: (B, 3, H, W) in [0, 1], sides multiples of 16; B a multiple of 4.
        draws: The only source of randomness.

    Returns:
        The same shape, whole 8-bit levels in [0, 1].
    """
    count = len(photos)
    flat = 2 * draws.uniform(*photos.shape) - 1
    kind = (draws.uniform(count, 1, 1, 1) * 3).long()
    unit = torch.where(kind == 0, draws.normal(*photos.shape), torch.where(kind == 1, flat, flat.sign()))
    noisy = photos + unit * draws.uniform(count, 1, 1, 1) * MOST_LEVELS / 255
    noisy = eight_bits(noisy)
    through = int(count * JPEG_SHARE)
    if through:
        noisy = torch.cat([_jpeg(noisy[:through], draws), noisy[through:]])
    return eight_bits(noisy)


def halved(photos: Tensor, draws: Draws) -> Tensor:
    """Photos (B, 3, H, W) in [0, 1] at half their size, antialiased, most of them with Gaussian noise: (B, 3, H/2, W/2)
    in whole 8-bit levels."""
    small = eight_bits(F.interpolate(photos, scale_factor=0.5, mode="bicubic", antialias=True))
    noisy = draws.uniform(len(photos), 1, 1, 1) < SMALL_SHARE
    deviation = noisy * draws.uniform(len(photos), 1, 1, 1) * SMALL_MOST_LEVELS / 255
    return eight_bits(small + deviation * draws.normal(*small.shape))


def eight_bits(photos: Tensor) -> Tensor:
    """The nearest whole levels in [0, 1]."""
    return (photos.clamp(0, 1) * 255).round() / 255


def _jpeg(photos: Tensor, draws: Draws) -> Tensor:
    """Through JPEG at one quality, drawn, as one picture of photos below each other.

    The blocks of one photo hold nothing of another; only the enlarging of the chroma looks one row across the border.
    """
    low, high = JPEG_QUALITY
    quality = low + int(draws.index(high - low + 1, 1))
    column = photos.permute(1, 0, 2, 3).reshape(1, 3, -1, photos.shape[-1])
    decoded = jpeg_twin(column, quality=quality, halve_chroma=True)
    return decoded.reshape(3, len(photos), *photos.shape[-2:]).transpose(0, 1)
