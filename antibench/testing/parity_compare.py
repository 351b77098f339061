"""How far a tensor is from its reference, and how far it may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from torch import Tensor

MODULE = 2e-5
"""One call of a network in float32; also one sampling step from recorded inputs and predictions."""
DOUBLE = 1e-9
"""One call of a network in float64."""
SAMPLING = 5e-4
"""The end of a whole sampling."""


@dataclass(frozen=True)
class Compared:
    """One tensor, or one list of names, beside its reference.

    Attributes:
        name: What was compared.
        error: Largest absolute difference; infinite where there was nothing to subtract.
        tolerance: Largest that is accepted.
        detail: What else there is to say.
    """

    name: str
    error: float
    tolerance: float
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether the difference is accepted."""
        return self.error <= self.tolerance


def compare(name: str, found: Tensor, wanted: Tensor, tolerance: float) -> Compared:
    """The largest absolute difference; infinite for another shape or a number that is not finite."""
    if found.shape != wanted.shape:
        return Compared(name, math.inf, tolerance, f"shape {tuple(found.shape)}, not {tuple(wanted.shape)}")
    if wanted.numel() == 0:
        return Compared(name, 0.0, tolerance)
    error = float((found.double() - wanted.double()).abs().max())
    if not math.isfinite(error):
        return Compared(name, math.inf, tolerance, "not finite")
    return Compared(name, error, tolerance)


Check: TypeAlias = Callable[[Path], Iterator[Compared]]
"""Compares everything that a file holds."""
