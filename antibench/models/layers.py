"""Named layers, and their activations during one call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import torch
from torch import nn


@contextmanager
def captured(layers: Mapping[str, nn.Module], names: Sequence[str]) -> Iterator[dict[str, torch.Tensor]]:
    """Collect what the named layers return while the block runs; the hooks are gone when it ends, however it ends.

    A layer that returns a tuple gives its first element: of a joint block over video and text the video, of a causal
    block with a cache the activation.

    Args:
        layers: Every layer that can be asked for.
        names: The ones that are.

    Raises:
        ValueError: for a name that `layers` lacks.
    """
    unknown = [name for name in names if name not in layers]
    if unknown:
        raise ValueError(f"no layer {unknown[0]!r}; the layers are {', '.join(layers)}")
    store: dict[str, torch.Tensor] = {}
    handles = [layers[name].register_forward_hook(partial(_keep, store, name)) for name in names]
    try:
        yield store
    finally:
        for handle in handles:
            handle.remove()


def encoder_layers(encoder: nn.Module) -> dict[str, nn.Module]:
    """The stages of a VAE's encoder in the order they run."""
    blocks = cast(nn.ModuleList, encoder.down_blocks)
    layers: dict[str, nn.Module] = {f"encoder.down_blocks.{i}": block for i, block in enumerate(blocks)}
    layers["encoder.mid_block"] = cast(nn.Module, encoder.mid_block)
    return layers


def _keep(store: dict[str, torch.Tensor], name: str, module: nn.Module, args: Any, output: Any) -> None:
    store[name] = output[0] if isinstance(output, tuple) else output
