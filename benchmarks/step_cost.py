"""What one step of a protection costs: time, memory, and the arithmetic that no implementation can leave out.

The protection runs as it runs in a benchmark, through `Protection.perturb`; its objective is called once a step, and
the clock is read there. Nothing of the loop is written again here.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from antibench.contracts import PerturbContext, Protection
from antibench.perturb.objective import Objective
from antibench.pixels import to_float

GIB = 2**30
WARM_UP = 3
"""Steps that are not counted: kernels are chosen and blocks compiled in them."""


@dataclass
class Log:
    """What was seen of a run.

    Attributes:
        starts: Seconds at which each step began, and at which the last one ended.
        anchors: Denoiser passes without gradient by step.
        peak: Most bytes at once, encoding of the reference clips included.
        step_peak: Most bytes at once in the steps that are counted.
    """

    starts: list[float] = field(default_factory=list)
    anchors: list[int] = field(default_factory=list)
    peak: int = 0
    step_peak: int = 0


def context_of(model: Any, device: str) -> PerturbContext:
    """Noise as reference clip and target photo: one clip, as every clip costs the same."""
    rng = np.random.default_rng(0)
    clip = rng.integers(0, 256, (model.frames, *model.size, 3), dtype=np.uint8)
    target = to_float(rng.integers(0, 256, (*model.size, 3), dtype=np.uint8)).to(device)
    return PerturbContext("a person speaks", 8, model, (clip,), target, torch.Generator().manual_seed(0))


def photo_of(model: Any, device: str) -> torch.Tensor:
    """(1, 3, H, W) of noise."""
    generator = torch.Generator().manual_seed(1)
    return torch.rand((1, 3, *model.size), generator=generator).to(device)


def measured(plugin: Protection, model: Any, device: str) -> Log:
    """Run a protection and log it."""
    log, cuda = Log(), device.startswith("cuda")
    whole = Objective.__call__

    def now() -> float:
        if cuda:
            torch.cuda.synchronize()
        return time.perf_counter()

    def step(objective: Objective, image: torch.Tensor) -> torch.Tensor:
        log.starts.append(now())
        log.anchors.append(0)
        if cuda and len(log.starts) == WARM_UP + 1:
            log.peak = torch.cuda.max_memory_allocated()
            torch.cuda.reset_peak_memory_stats()
        return whole(objective, image)

    if cuda:
        torch.cuda.reset_peak_memory_stats()
    with _objective_is(step), _anchors_noted(model, log):
        plugin.perturb(photo_of(model, device), context_of(model, device))
    log.starts.append(now())
    if cuda:
        log.step_peak = torch.cuda.max_memory_allocated()
        log.peak = max(log.peak, log.step_peak)
    return log


def times(log: Log) -> tuple[float, float]:
    """Milliseconds of a step, median of those after the warm-up without a pass on the target photo if there are any,
    and of one with it: 0 if there was none."""
    spent = [(b - a) * 1000 for a, b in zip(log.starts, log.starts[1:], strict=False)]
    both = list(zip(spent, log.anchors, strict=True))[WARM_UP:]
    without = [ms for ms, anchors in both if not anchors]
    with_anchor = [ms for ms, anchors in both if anchors]
    longer = statistics.median(with_anchor) if with_anchor else 0.0
    return (statistics.median(without) if without else longer), longer


def floor_flops(plugin: Protection, model: Any, device: str) -> tuple[float, float]:
    """Arithmetic that a step cannot avoid: one forward pass, and the backward pass to the photo alone.

    The gradient of a product with a weight, to its input alone, is one more product of the same size; that of
    attention, to queries, keys and values, is four products where the forward pass has two. Recomputed scores,
    gradients of weights and everything that is not a product are not counted.

    Args:
        plugin: The protection with one step and, if it has a target photo, one draw: the photo is then passed through
            the denoiser in the first call of the objective and not in the second.
        model: The surrogate.
        device: Torch device.

    Returns:
        Of a step without a pass on a target photo, and of that pass; both in FLOP.
    """

    def count(objective: Objective, image: torch.Tensor) -> torch.Tensor:
        with torch.no_grad(), torch.compiler.set_stance("force_eager"):
            counted.extend(_forward(whole, objective, image) for _ in range(2))
        return image.sum() * 0  # no step is wanted

    counted: list[dict[str, float]] = []
    whole = Objective.__call__
    with _objective_is(count):
        plugin.perturb(photo_of(model, device), context_of(model, device))
    first, second = counted
    attention = sum(value for name, value in second.items() if "scaled_dot_product" in name)
    total = sum(second.values())
    return 2 * total + attention, sum(first.values()) - total


def matmul_rate(device: str, side: int) -> float:
    """FLOP/s of a bfloat16 product of random square matrices, best of ten."""
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    best = float("inf")
    for _ in range(10):
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(4):
            a @ b
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        best = min(best, (time.perf_counter() - start) / 4)
    return 2 * side**3 / best


def _forward(whole: Any, objective: Objective, image: torch.Tensor) -> dict[str, float]:
    """FLOP of one call, by operation."""
    with FlopCounterMode(display=False) as counter:
        whole(objective, image.detach())
    return {str(name): float(value) for name, value in counter.get_flop_counts()["Global"].items()}


@contextlib.contextmanager
def _objective_is(step: Any) -> Iterator[None]:
    whole = Objective.__call__
    Objective.__call__ = step  # type: ignore[method-assign]
    try:
        yield
    finally:
        Objective.__call__ = whole  # type: ignore[method-assign]


@contextlib.contextmanager
def _anchors_noted(model: Any, log: Log) -> Iterator[None]:
    whole = model.denoise

    def denoise(*args: Any, **options: Any) -> Any:
        if not torch.is_grad_enabled() and log.anchors:
            log.anchors[-1] += 1
        return whole(*args, **options)

    model.denoise = denoise
    try:
        yield
    finally:
        del model.denoise
