"""Non-maximum suppression: of boxes that overlap, only the likeliest stays."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]


def suppress(
    boxes: Array, scores: Array, overlap: float, *, inclusive: int = 0, of_smaller: bool = False
) -> npt.NDArray[np.intp]:
    """Indices of the boxes that stay, likeliest first; greedy.

    Args:
        boxes: (N, 4) left, top, right, bottom.
        scores: (N,).
        overlap: Most that two boxes that stay may share: intersection over union, or over the smaller of the two.
        inclusive: 1 where both border pixels count as part of a box.
        of_smaller: Over the smaller box instead of the union.
    """
    area = (boxes[:, 2:] - boxes[:, :2] + inclusive).prod(axis=1)
    left = np.argsort(-scores, kind="stable")
    kept: list[np.intp] = []
    while left.size:
        best, left = left[0], left[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[left, :2])
        high = np.minimum(boxes[best, 2:], boxes[left, 2:])
        common = np.maximum(high - low + inclusive, 0).prod(axis=1)
        whole = np.minimum(area[best], area[left]) if of_smaller else area[best] + area[left] - common
        left = left[common <= overlap * whole]
    return np.array(kept, dtype=np.intp)
