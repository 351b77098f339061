"""Named layers, and their activations during one call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import torch
from torch import nn

from antibench.models.attention_maps import FrameAttention, watched


@contextmanager
def captured(
    layers: Mapping[str, nn.Module],
    names: Sequence[str],
    attentions: Mapping[str, FrameAttention] | None = None,
    rows: int = 1,
) -> Iterator[dict[str, torch.Tensor]]:
    """Collect what the named layers return while the block runs; the hooks are gone when it ends, however it ends.

    A layer that returns a tuple gives its first element: of a joint block over video and text the video, of a causal
    block with a cache the activation.

    Args:
        layers: Every layer that can be asked for.
        names: The ones that are.
        attentions: Every attention that can be asked for, whose map is there when the block ends.
        rows: Branches of guidance that go through together; the first axis of the maps.

    Raises:
        ValueError: for a name that is of neither, or an attention that was not seen to run.
    """
    maps = attentions or {}
    unknown = [name for name in names if name not in layers and name not in maps]
    if unknown:
        raise ValueError(f"no layer {unknown[0]!r}; the layers are {', '.join([*layers, *maps])}")
    store: dict[str, torch.Tensor] = {}
    hooked = [name for name in names if name in layers]
    handles = [layers[name].register_forward_hook(partial(_keep, store, name)) for name in hooked]
    try:
        with watched({name: maps[name] for name in names if name in maps}, rows, store):
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


def unet_layers(unet: nn.Module, kinds: tuple[str, str]) -> dict[str, nn.Module]:
    """The blocks of a U-Net in the order they run: each residual layer together with its attention, if it has one.

    Args:
        unet: One of diffusers with stages down, mid and up.
        kinds: Names of what a stage with attention, and one without, runs last in each of its layers.
    """
    layers: dict[str, nn.Module] = {}
    stages = [(f"down_blocks.{i}", block) for i, block in enumerate(cast(nn.ModuleList, unet.down_blocks))]
    stages.append(("mid_block", cast(nn.Module, unet.mid_block)))
    stages += [(f"up_blocks.{i}", block) for i, block in enumerate(cast(nn.ModuleList, unet.up_blocks))]
    for name, block in stages:
        if name == "mid_block":
            layers[name] = block
            continue
        kind = kinds[0] if hasattr(block, kinds[0]) else kinds[1]
        for i, layer in enumerate(getattr(block, kind)):
            layers[f"{name}.{kind}.{i}"] = layer
    return layers


def _keep(store: dict[str, torch.Tensor], name: str, module: nn.Module, args: Any, output: Any) -> None:
    store[name] = output[0] if isinstance(output, tuple) else output
