"""Photographs that scikit-image ships, cut to small odd sizes, and a rendered portrait."""

from __future__ import annotations

from functools import cache

import numpy as np
from skimage import data

from antibench.contracts import ImageU8
from antibench.zoo.portraits import portrait_clip


def photographs() -> list[ImageU8]:
    """A face, a cat and a cup: (65, 81), (61, 90) and (63, 77)."""
    cuts = [data.astronaut()[60:125, 190:271], data.chelsea()[80:141, 110:200], data.coffee()[130:193, 230:307]]
    return [np.ascontiguousarray(cut) for cut in cuts]


@cache
def portrait(index: int = 0) -> ImageU8:
    """A rendered person of the split for tuning, 64 x 64."""
    photo: ImageU8 = portrait_clip("tune", index, 64, 1)[0][0]
    return photo


def rms(one: ImageU8, other: ImageU8) -> float:
    """Root of the mean squared difference, in levels."""
    return float(np.sqrt(np.mean((one.astype(np.float64) - other) ** 2)))


def decibels(one: ImageU8, other: ImageU8) -> float:
    return float(20 * np.log10(255 / rms(one, other)))
