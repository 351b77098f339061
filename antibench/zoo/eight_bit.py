"""Weights in eight bits: a matrix as whole numbers from -127 to 127, and one step size for each of its rows.

A row is what makes one output channel. Rows differ in size by far more than the values of a row do, so a step of their
own keeps the error of each below half a step, a 254th of its largest value. Small tensors (biases, norms, tables) stay
in 16 bits: they are a hundredth of a file.
"""

from __future__ import annotations

import torch
from torch import Tensor

from antibench.errors import UserError

LEVELS = 127
SMALLEST = 4096
"""Elements from which a tensor of two or more axes is kept in eight bits."""
SUFFIX = "::step"
"""After the name of a matrix: the name of its step sizes."""


def packed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights as they are written to a file.

    Args:
        state: Finite weights by name, on any device.

    Returns:
        On the CPU: large matrices (R, ...) as int8 with their steps (R,) under the name + `SUFFIX` and the rest in
        float16.
    """
    out: dict[str, Tensor] = {}
    for name, value in state.items():
        whole = value.detach().cpu()
        if whole.ndim < 2 or whole.numel() < SMALLEST:
            out[name] = whole.half().contiguous()
            continue
        rows = whole.float().flatten(1)
        step = (rows.abs().amax(1) / LEVELS).half().float()  # before it is used, so that rounding it costs nothing
        whole_steps = (rows / step.clamp(min=torch.finfo(torch.float32).tiny)[:, None]).round().clamp(-LEVELS, LEVELS)
        out[name] = whole_steps.to(torch.int8).reshape(whole.shape).contiguous()
        out[name + SUFFIX] = step.half()
    return out


def restored(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of a file in float32; one that `packed` did not write, of floats alone, is read as it is.

    Raises:
        UserError: if the steps of a matrix are missing, of another number than its rows, or belong to none.
    """
    steps = {name: value for name, value in state.items() if name.endswith(SUFFIX)}
    out: dict[str, Tensor] = {}
    for name, value in state.items():
        if name.endswith(SUFFIX):
            continue
        if value.dtype != torch.int8:
            out[name] = value.float()
            continue
        step = steps.pop(name + SUFFIX, None)
        if step is None or step.shape != value.shape[:1]:
            found = "no step sizes" if step is None else f"{tuple(step.shape)} step sizes"
            raise UserError(f"weights in eight bits: {name} of shape {tuple(value.shape)} has {found}")
        out[name] = value.float() * step.float().reshape(-1, *(1,) * (value.ndim - 1))
    if steps:
        raise UserError(f"weights in eight bits: {next(iter(steps))} belongs to no matrix")
    return out
