"""The small network that rates pictures of the small world, and what it said of each picture."""

from __future__ import annotations

from functools import lru_cache

import torch

from antibench.contracts import ImageU8
from antibench.metrics.judges.memo import PixelMemo
from antibench.pixels import to_float
from antibench.zoo.quality import RatingNet, load_quality, rating

NAME = "quality-small"
SMALLEST = 8
"""Least side in pixels that leaves the last stage a pixel."""


@lru_cache(maxsize=1)
def quality_net() -> RatingNet:
    """Load the network once per process, in evaluation mode, without gradients.

    Raises:
        UserError: if its weights are missing.
    """
    with torch.random.fork_rng(devices=[]):  # building a layer draws from the global generator
        return load_quality(NAME)


def rate(image: ImageU8) -> float:
    """Quality of an (H, W, 3) uint8 image, 0..1.

    Raises:
        UserError: if its weights are missing.
    """
    return _RATINGS(image)


def _rate(image: ImageU8) -> float:
    with torch.no_grad():
        return float(rating(quality_net()(to_float(image))))


_RATINGS = PixelMemo(_rate)
