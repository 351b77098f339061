"""The VAE of CogVideoX on a photo: the same result with less work.

The causal convolutions fill up what is before the first frame with copies of it. For a clip of one frame all taps in
time see the same picture, so the kernel summed over time gives the same result in a third of the time, and neither the
copies nor their activations are kept for the gradient.

The decoder's norms scale and shift by what 1 x 1 convolutions make of the latents, enlarged to the activation's size by
repeating them. Enlarging after the convolution gives the same numbers for up to 64 times fewer positions.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_cogvideox import CogVideoXCausalConv3d, CogVideoXSpatialNorm3D
from torch import nn
from torch.nn import functional as F

Cached = tuple[torch.Tensor, torch.Tensor | None]


def fold_single_frames(vae: nn.Module) -> None:
    """Let convolutions and norms of a VAE of CogVideoX take the short way for a single frame; clips go as before."""
    for part in vae.modules():
        if isinstance(part, CogVideoXSpatialNorm3D):
            part.forward = partial(_normed, part, part.forward)
        if isinstance(part, CogVideoXCausalConv3d) and part.pad_mode != "replicate" and _plain(part.conv):
            part.forward = partial(_run, part, part.forward)


def compile_single_frames(vae: Any) -> None:
    """Compile the blocks of encoder and decoder for a single frame; clips go as before, as they come but once a photo.

    Norms and activations of a picture at full size move far more memory than the convolutions between them, unless the
    compiler joins them.
    """
    coders = (vae.encoder.down_blocks, [vae.encoder.mid_block], [vae.decoder.mid_block], vae.decoder.up_blocks)
    for block in itertools.chain(*coders):
        whole = block.forward
        block.forward = partial(_compiled, whole, torch.compile(partial(_first, whole), dynamic=False))
    norm = vae.decoder.norm_out
    norm.forward = partial(_compiled_norm, norm.forward, torch.compile(partial(_first, norm.forward), dynamic=False))


def _compiled(
    whole: Callable[..., Any],
    single: Callable[..., torch.Tensor],
    hidden: torch.Tensor,
    temb: torch.Tensor | None = None,
    zq: torch.Tensor | None = None,
    conv_cache: dict[str, Any] | None = None,
) -> tuple[torch.Tensor, dict[str, Any]]:
    """A block of (B, C, T, H, W). Only a clip of one frame has a chunk of one, so nothing is kept for a next chunk."""
    if hidden.shape[2] != 1 or conv_cache:
        done: tuple[torch.Tensor, dict[str, Any]] = whole(hidden, temb, zq, conv_cache)
        return done
    return single(hidden, temb, zq), {}


def _compiled_norm(
    whole: Callable[..., Any],
    single: Callable[..., torch.Tensor],
    hidden: torch.Tensor,
    latents: torch.Tensor,
    conv_cache: dict[str, Any] | None = None,
) -> tuple[torch.Tensor, dict[str, Any]]:
    """The decoder's last norm, as `_compiled` does a block."""
    if hidden.shape[2] != 1 or conv_cache:
        done: tuple[torch.Tensor, dict[str, Any]] = whole(hidden, latents, conv_cache)
        return done
    return single(hidden, latents), {}


def _first(whole: Callable[..., Any], *args: torch.Tensor | None) -> torch.Tensor:
    """A block's result without what the next chunk would need: to return that as well would keep it in memory."""
    hidden: torch.Tensor = whole(*args)[0]
    return hidden


def _run(
    part: CogVideoXCausalConv3d,
    whole: Callable[..., Cached],
    inputs: torch.Tensor,
    conv_cache: torch.Tensor | None = None,
) -> Cached:
    """(B, C, T, H, W) and what a chunk before it left, to (B, C', T, H, W) and what the next one needs."""
    if inputs.shape[2] != 1 or conv_cache is not None:
        return whole(inputs, conv_cache)
    weight = part.conv.weight
    # Summed in float32: three bfloat16 taps added in bfloat16 would lose what the long way keeps.
    kernel = weight.sum(2, dtype=torch.float32).to(weight.dtype)
    frame = F.conv2d(inputs[:, :, 0], kernel, part.conv.bias, padding=(part.height_pad, part.width_pad))
    return frame[:, :, None], inputs.expand(-1, -1, max(part.time_kernel_size - 1, 1), -1, -1)


def _normed(
    part: CogVideoXSpatialNorm3D,
    whole: Callable[..., Any],
    hidden: torch.Tensor,
    latents: torch.Tensor,
    conv_cache: dict[str, Any] | None = None,
) -> tuple[torch.Tensor, dict[str, Any]]:
    """(B, C, T, H, W) under (B, Z, T, h, w), and what the next chunk needs."""
    times = [hidden.shape[side] // latents.shape[side] for side in (-2, -1)]
    enlarged = [latents.shape[side] * many for side, many in zip((-2, -1), times, strict=True)]
    if hidden.shape[2] != 1 or latents.shape[2] != 1 or conv_cache or enlarged != list(hidden.shape[-2:]):
        done: tuple[torch.Tensor, dict[str, Any]] = whole(hidden, latents, conv_cache)
        return done
    scale, shift = (_repeated(conv(latents)[0], times) for conv in (part.conv_y, part.conv_b))
    return part.norm_layer(hidden) * scale + shift, {}


def _repeated(values: torch.Tensor, times: list[int]) -> torch.Tensor:
    """(B, C, 1, h, w), each value repeated `times` down and across."""
    batch, channels, _, height, width = values.shape
    down, across = times
    grid = values.view(batch, channels, 1, height, 1, width, 1)
    return grid.expand(-1, -1, -1, -1, down, -1, across).reshape(batch, channels, 1, height * down, width * across)


def _plain(conv: nn.Conv3d) -> bool:
    return conv.stride == (1, 1, 1) and conv.dilation == (1, 1, 1) and conv.groups == 1
