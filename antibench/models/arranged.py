"""Other ways for a loaded network's blocks to compute the same.

Each replaces a method of a block *below* its hooks: a hook sees what it saw before, and is neither compiled nor run
again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import torch
from diffusers.models.activations import GELU
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint

Item = TypeVar("Item")

VARIANTS = 64
"""How many versions of one compiled method torch may keep: shapes of a U-Net's levels, one or two branches of guidance,
with and without a gradient. At torch's own limit of 8 it would quietly fall back to running uncompiled."""
OPTIONS: dict[str, Any] = {"comprehensive_padding": False}
"""Of the compiler. With its padding of strides, torch 2.11 wrote a rotary embedding of Open-Sora (rows of 1080 numbers,
padded to 1088) at one layout and read it at the other: an illegal memory access."""
ATTENTION = [SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


def compile_blocks(blocks: Iterable[nn.Module], method: str = "forward") -> None:
    """Compile one method of each block. Blocks of one class share what was compiled for their shapes."""
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, VARIANTS)
    for block in blocks:
        setattr(block, method, torch.compile(getattr(block, method), dynamic=False, options=OPTIONS))


def cheapen_gelu(blocks: Iterable[nn.Module]) -> None:
    """Let the tanh-GELUs of diffusers in the blocks be written with a sigmoid, before the blocks are compiled.

    (1 + tanh(u)) / 2 is sigmoid(2u). The compiler's tanh is so slow that it, and not memory, sets the time of the
    kernels around it. Uncompiled, each of the operations would round.
    """
    for block in blocks:
        for part in block.modules():
            if isinstance(part, GELU) and part.approximate == "tanh":
                part.gelu = tanh_gelu


def tanh_gelu(gate: torch.Tensor) -> torch.Tensor:
    """As `torch.nn.functional.gelu` with approximate="tanh"."""
    return gate * torch.sigmoid(2 * math.sqrt(2 / math.pi) * (gate + 0.044715 * gate**3))


def prefer_cudnn_attention(blocks: Iterable[nn.Module], method: str = "forward") -> None:
    """Let attention inside each block run on cuDNN's kernels where they can.

    The choice is made around each call, not around the whole network, because a block that runs again in the backward
    pass has to choose the same kernel there.
    """
    for block in blocks:
        setattr(block, method, _on_cudnn(getattr(block, method)))


def recompute_some(transformer: Any, share: float) -> None:
    """Gradient checkpointing of diffusers for the first `share` of the blocks of a transformer.

    Args:
        transformer: A model of diffusers whose blocks are its `transformer_blocks`.
        share: In [0, 1].
    """
    chosen = set(first(list(transformer.transformer_blocks), share))
    if not chosen:
        transformer.disable_gradient_checkpointing()
        return

    def run(block: nn.Module, *args: Any) -> Any:
        return checkpoint(block, *args, use_reentrant=False) if block in chosen else block(*args)

    transformer.enable_gradient_checkpointing(run)


def first(items: Sequence[Item], share: float) -> Sequence[Item]:
    """The first `share` of the items, rounded up."""
    return items[: math.ceil(len(items) * share)]


def _on_cudnn(run: Callable[..., Any]) -> Callable[..., Any]:
    def chosen(*args: Any, **options: Any) -> Any:
        with sdpa_kernel(ATTENTION, set_priority=True):
            return run(*args, **options)

    return chosen
