"""DynamiCrafter put together as its settings want it to compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from antibench.models.arranged import compile_blocks, prefer_cudnn_attention
from antibench.models.dynamicrafter.adapter import DynamiCrafter, DynamiCrafterSettings
from antibench.models.dynamicrafter.networks import DynamiCrafterNetworks
from antibench.models.dynamicrafter.presets import PRESETS
from antibench.models.dynamicrafter.residual import ResidualBlock
from antibench.models.dynamicrafter.transformers import SpatialBlock, TemporalBlock
from antibench.models.float8 import float8_linears

if TYPE_CHECKING:
    from antibench.models.dynamicrafter.specs import DynamiCrafterSpec

REPEATED = (SpatialBlock, TemporalBlock, ResidualBlock)
"""Stages differ from each other; their parts are of these classes, each compiled once for each level of the U-Net."""


def arranged_dynamicrafter(networks: DynamiCrafterNetworks, spec: DynamiCrafterSpec, **sampling: Any) -> DynamiCrafter:
    """The model around loaded networks; `sampling` are fields of `DynamiCrafterSettings`."""
    preset = PRESETS[spec.preset]
    parts = [part for part in networks.unet.modules() if isinstance(part, REPEATED)]
    if spec.float8:
        float8_linears(parts)
    if spec.compiled:
        compile_blocks(parts)
    if spec.attention == "cudnn":
        prefer_cudnn_attention(parts)
    networks.unet.recompute_activations(spec.recomputed)
    if spec.low_memory:
        networks.first_stage_model.vae.enable_gradient_checkpointing()
    settings = DynamiCrafterSettings(
        size=spec.size, frames=spec.frames, spacing=preset.spacing, fps=preset.save_fps, **sampling
    )
    return DynamiCrafter(networks, settings, spec)
