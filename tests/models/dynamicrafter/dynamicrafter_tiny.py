"""Configurations small enough for a test, and weights that switch every branch on."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

from antibench.models.dynamicrafter.config import (
    AutoencoderConfig,
    ClipConfig,
    ClipTextConfig,
    ClipVisionConfig,
    DynamiCrafterConfig,
    FirstStageConfig,
    ResamplerConfig,
    UNetConfig,
)

Module = TypeVar("Module", bound=nn.Module)

UNET = UNetConfig(
    model_channels=32, channel_mult=(1, 2), attention_resolutions=(1,), num_res_blocks=1, num_head_channels=16,
    context_dim=24, text_tokens=5, image_tokens_per_frame=2, temporal_length=3,
)  # fmt: skip
RESAMPLER = ResamplerConfig(
    dim=24, depth=2, dim_head=8, heads=2, num_queries=2, embedding_dim=32, output_dim=24, video_length=3
)
FIRST_STAGE = FirstStageConfig(ddconfig=AutoencoderConfig(ch=32, ch_mult=(1, 2, 2), num_res_blocks=1))
CLIP = ClipConfig(
    embed_dim=24,
    vision=ClipVisionConfig(image_size=28, layers=2, width=32, head_width=16, patch_size=14),
    text=ClipTextConfig(context_length=5, width=24, heads=2, layers=3),
)
NETWORKS = DynamiCrafterConfig(unet=UNET, first_stage=FIRST_STAGE, clip=CLIP, image_projector=RESAMPLER)


def randomised(module: Module, seed: int = 0) -> Module:
    """The module with all parameters drawn anew, none zero, in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            scale = parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.3
            drawn = torch.randn(parameter.shape, generator=generator) * scale
            norm = name.endswith("weight") and parameter.ndim == 1
            parameter.copy_(drawn + 1 if norm else drawn)
    return module.eval()
