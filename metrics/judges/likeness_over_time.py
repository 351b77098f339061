"""VBench's two ways to sum up how a video's features change from frame to frame. Negative cosines count 0 in both."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from antibench.contracts import FramesU8, Unscored
from antibench.metrics.judges.deep_features import Features, cosine
from antibench.metrics.judges.stlpips import SMALLEST

MAX_WEIGHT, MEAN_WEIGHT, MIN_WEIGHT = 0.4, 0.3, 0.3
"""VBench-I2V's weights: of the likest frame to the photo, and of the mean and least cosine of neighbours."""


def unfit(frames: FramesU8) -> Unscored | None:
    """Why (T, H, W, 3) frames cannot be compared over time, or None."""
    if len(frames) < 2:
        return Unscored("a video of one frame has no neighbouring frames")
    if min(frames.shape[1:3]) < SMALLEST:
        return Unscored(f"frames of {frames.shape[1]}x{frames.shape[2]} are too small for image features")
    return None


def consistency(features: Sequence[Features]) -> float:
    """Mean over all frames but the first of half the cosine to the frame before and half that to the first, 0..1."""
    before, first = _neighbours(features), [_cosine(features[0], item) for item in features[1:]]
    return float(np.mean([(a + b) / 2 for a, b in zip(before, first, strict=True)]))


def conformity(photo: Features, features: Sequence[Features]) -> float:
    """0.4 x the largest cosine to the photo + 0.3 x the mean + 0.3 x the least cosine of neighbours, 0..1.

    One frame that is like the photo, which image-to-video models give back first, makes the first term large.
    """
    neighbours = _neighbours(features)
    likest = max(_cosine(photo, item) for item in features)
    return float(MAX_WEIGHT * likest + MEAN_WEIGHT * np.mean(neighbours) + MIN_WEIGHT * min(neighbours))


def _neighbours(features: Sequence[Features]) -> list[float]:
    return [_cosine(a, b) for a, b in pairwise(features)]


def _cosine(a: Features, b: Features) -> float:
    return max(0.0, cosine(a, b))
