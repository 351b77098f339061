"""The last line of a metric: a number that is not what the metric declares never leaves it."""

from __future__ import annotations

import math


def within(bounds: tuple[float, float], value: float) -> float:
    """The value, if it is a finite number within the declared bounds.

    Raises:
        ValueError: if it is not; the harness turns that into a failed cell.
    """
    low, high = bounds
    if not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"a score of {value} is outside the declared range {low} to {high}")
    return float(value)
