"""Open-Sora put together as its settings want it to compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from antibench.models.arranged import compile_blocks, prefer_cudnn_attention
from antibench.models.float8 import float8_linears
from antibench.models.opensora.adapter import OpenSora, OpenSoraSettings
from antibench.models.opensora.networks import OpenSoraNetworks

if TYPE_CHECKING:
    from antibench.models.opensora.specs import OpenSora12

RUN = "_run"
"""What a block does; its `forward` decides whether it is done again in the backward pass."""


def arranged_opensora(networks: OpenSoraNetworks, spec: OpenSora12, **sampling: Any) -> OpenSora:
    """The model around loaded networks; `sampling` are fields of `OpenSoraSettings`."""
    blocks = list(networks.denoiser.blocks())
    if spec.float8:
        float8_linears(blocks)
    if spec.compiled:
        compile_blocks(blocks, RUN)
    if spec.attention == "cudnn":
        prefer_cudnn_attention(blocks, RUN)
    networks.denoiser.recompute_activations(spec.recomputed)
    if spec.low_memory:
        networks.vae.image_vae.enable_gradient_checkpointing()
    settings = OpenSoraSettings(size=spec.size, frames=spec.frames, told_size=spec.told_size, **sampling)
    return OpenSora(networks, settings, spec)
