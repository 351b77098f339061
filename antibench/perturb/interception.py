"""What stands between a protection's objective and the optimiser, without the protection knowing.

`pgd` hands every descent it is asked for to the interceptors that are set, innermost first, and minimises what they
return. So a modifier works for any protection that calls `pgd`, and a diagnosis can watch one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch

Scalar: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
"""(1, 3, H, W) in [0, 1] -> scalar, differentiable."""


@dataclass(frozen=True)
class Minimisation:
    """What `pgd` was asked for: the clean photo, what to minimise, the budget on [0, 1], and how many steps."""

    image: torch.Tensor
    objective: Scalar
    epsilon: float
    steps: int


Interceptor: TypeAlias = Callable[[Minimisation], Scalar]
"""Given a descent, returns the objective to minimise instead."""

_set: ContextVar[tuple[Interceptor, ...]] = ContextVar("interceptors", default=())


@contextmanager
def intercepting(interceptor: Interceptor, *, alone: bool = False) -> Iterator[None]:
    """Descents within it pass through the interceptor, then through those set before it unless it is `alone`."""
    token = _set.set((interceptor,) if alone else (*_set.get(), interceptor))
    try:
        yield
    finally:
        _set.reset(token)


def intercepted(descent: Minimisation) -> Scalar:
    """The objective to minimise."""
    for interceptor in reversed(_set.get()):
        descent = replace(descent, objective=interceptor(descent))
    return descent.objective
