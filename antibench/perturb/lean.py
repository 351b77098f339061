"""Scalars of activations in float32, without keeping float32 copies of them for the gradient."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn.functional import mse_loss
from torch.utils.checkpoint import checkpoint


def lean(measure: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], *pair: torch.Tensor) -> torch.Tensor:
    """What `measure` makes of two tensors; of half precision, it runs again in the backward pass.

    The activations themselves are kept by the network's own graph. Copies of them in float32 would take twice as much
    again for every layer that is compared: 2 GiB over a third of CogVideoX-5B's layers.
    """
    if all(tensor.dtype == torch.float32 for tensor in pair):
        return measure(*pair)
    again: torch.Tensor = checkpoint(measure, *pair, use_reentrant=False, preserve_rng_state=False)
    return again


def mean_square(value: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Mean squared difference, in float32: squares of late blocks overflow half precision. bfloat16 has the range, and
    lacks only the digits for the sum."""
    if value.dtype == wanted.dtype == torch.bfloat16:
        return mse_loss(value, wanted, reduction="none").mean(dtype=torch.float32)
    return lean(_float32_mean_square, value, wanted)


def _float32_mean_square(value: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    return mse_loss(value.float(), wanted.float())
