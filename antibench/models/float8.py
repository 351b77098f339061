"""Linear layers of frozen networks in 8-bit floating point, on cards that multiply it twice as fast as bfloat16.

Rows of what comes in and rows of a weight are each scaled to the range of the format, multiplied, and scaled back. The
gradient to what came in is a second such product, with the weight scaled along its other side. Weights have no
gradient, so nothing else is kept.

Source: Micikevicius et al. 2022 (arXiv 2209.05433), its format E4M3.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from antibench.errors import UserError

E4M3 = torch.float8_e4m3fn
LARGEST = torch.finfo(E4M3).max
CAPABILITY = (8, 9)
LEAST = 1e-12
"""What a row of zeros is divided by."""
STEP = 16
"""Both sides of a weight must be multiples of this."""

Scaled = tuple[torch.Tensor, torch.Tensor]
"""8-bit rows and the float32 factor (rows, 1) that each has to be multiplied with."""


class Float8Linear(nn.Module):
    """A frozen linear layer (..., K) -> (..., N)."""

    def __init__(self, linear: nn.Linear) -> None:
        """Take over weight and bias; the weight is kept twice, once for each direction, in half the bytes."""
        super().__init__()
        weight = linear.weight.detach()
        for name, side in (("forth", weight), ("back", weight.t().contiguous())):
            rows, scale = scaled_rows(side)
            self.register_buffer(f"{name}_rows", rows, persistent=False)
            self.register_buffer(f"{name}_scale", scale.t(), persistent=False)
        self.bias = linear.bias

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """As `nn.Linear`."""
        rows = inputs.reshape(-1, inputs.shape[-1])
        forth, back = (self.forth_rows, self.forth_scale), (self.back_rows, self.back_scale)
        outputs: torch.Tensor = _Product.apply(rows, *forth, *back)
        outputs = outputs if self.bias is None else outputs + self.bias
        return outputs.view(*inputs.shape[:-1], -1)


def float8_linears(blocks: Iterable[nn.Module]) -> None:
    """Replace the linear layers of the blocks, but for those of norms, which see one row, and those of odd sizes.

    Raises:
        UserError: if the weights are on a GPU that cannot multiply 8-bit floating point.
    """
    for block in blocks:
        for parent in list(block.modules()):
            for name, part in list(parent.named_children()):
                if isinstance(part, nn.Linear) and _fits(part) and "norm" not in type(parent).__name__.lower():
                    _check(part.weight.device)
                    setattr(parent, name, Float8Linear(part))


def scaled_rows(values: torch.Tensor) -> Scaled:
    """(M, K) with the largest of each row at the largest value of the format."""
    scale = values.abs().amax(dim=1, keepdim=True).float().clamp(min=LEAST) / LARGEST
    return (values.float() / scale).clamp(-LARGEST, LARGEST).to(E4M3), scale


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        rows, scale, back_rows, back_scale = weights
        ctx.save_for_backward(back_rows, back_scale)
        return _product(inputs, rows, scale)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return _product(gradient, *ctx.saved_tensors), None, None, None, None


def _product(inputs: torch.Tensor, rows: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """(M, K) times the transpose of (N, K), in the type of `inputs`."""
    own, own_scale = scaled_rows(inputs)
    return torch._scaled_mm(
        own, rows.t(), scale_a=own_scale, scale_b=scale, out_dtype=inputs.dtype, use_fast_accum=True
    )


def _check(device: torch.device) -> None:
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < CAPABILITY:
        name = torch.cuda.get_device_name(device)
        raise UserError(f"float8 needs a GPU of compute capability 8.9 or later, which {name} is not; leave it out")


def _fits(linear: nn.Linear) -> bool:
    return linear.in_features % STEP == 0 and linear.out_features % STEP == 0
