"""The one door to albumentations: a fresh transform with its own seed for every image.

A transform that is kept gives another result on its second call, and global seeds do not reach it.
"""

from __future__ import annotations

import os
from typing import Any, cast

import numpy as np

from antibench.contracts import ImageU8

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # importing it would otherwise ask the network for news

import albumentations

__all__ = ["albumentations", "transform_once"]


def transform_once(transform: Any, image: ImageU8, rng: np.random.Generator) -> ImageU8:
    """Apply a transform that was made for this image alone; `rng` is the only source of its randomness."""
    seeded = albumentations.Compose([transform], seed=int(rng.integers(2**31)))
    return cast(ImageU8, seeded(image=np.ascontiguousarray(image))["image"])
