"""DynamiCrafter with random weights, small enough for a test.

It animates nothing; it has every path of the real one, so arithmetic, gradients and plumbing can be checked in
milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch

from antibench.contracts import Gives, ModelCard
from antibench.models.dynamicrafter.adapter import DynamiCrafter, DynamiCrafterSettings
from antibench.models.dynamicrafter.config import (
    AutoencoderConfig,
    ClipConfig,
    ClipTextConfig,
    ClipVisionConfig,
    DiffusionConfig,
    DynamiCrafterConfig,
    FirstStageConfig,
    ResamplerConfig,
    UNetConfig,
)
from antibench.models.dynamicrafter.networks import DynamiCrafterNetworks

FRAMES, TEXT_LENGTH, QUERIES, WIDTH = 3, 8, 2, 24

CONFIG = DynamiCrafterConfig(
    unet=UNetConfig(
        model_channels=32,
        channel_mult=(1, 2),
        attention_resolutions=(1,),
        num_res_blocks=1,
        num_head_channels=16,
        context_dim=WIDTH,
        text_tokens=TEXT_LENGTH,
        image_tokens_per_frame=QUERIES,
        temporal_length=FRAMES,
    ),
    first_stage=FirstStageConfig(ddconfig=AutoencoderConfig(ch=32, ch_mult=(1, 2), num_res_blocks=1)),
    clip=ClipConfig(
        embed_dim=WIDTH,
        vision=ClipVisionConfig(image_size=28, layers=2, width=32, head_width=16, patch_size=14),
        text=ClipTextConfig(context_length=TEXT_LENGTH, width=WIDTH, heads=2, layers=3),
    ),
    image_projector=ResamplerConfig(
        dim=WIDTH,
        depth=1,
        dim_head=8,
        heads=2,
        num_queries=QUERIES,
        embedding_dim=32,
        output_dim=WIDTH,
        video_length=FRAMES,
    ),
)
NOISE_PREDICTING: dict[str, Any] = {
    "parameterization": "eps",
    "rescale_betas_zero_snr": False,
    "use_dynamic_rescale": False,
    "turning_step": None,
}
"""The schedule where it is that of the 256 model."""


@dataclass(frozen=True)
class TinyDynamiCrafter:
    """Random weights in the networks of DynamiCrafter; `diffusion` changes the schedule."""

    diffusion: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    name: ClassVar[str] = "tiny-dynamicrafter"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = ModelCard("Random weights", world="small", gate="not-applicable")
    size: ClassVar[tuple[int, int]] = (16, 16)
    frames: ClassVar[int] = FRAMES
    gives: ClassVar[frozenset[Gives]] = frozenset(
        {
            "diffusion_loss",
            "guidance",
            "features",
            "image_latents",
            "vae_features",
            "still_latents",
            "image_tokens",
            "text",
            "attention",
        }
    )

    def load(self, device: str) -> DynamiCrafter:
        """Build the model; the weights are the same every time."""
        networks = tiny_networks(DiffusionConfig(**self.diffusion)).to(device)
        settings = {"size": self.size, "frames": self.frames, "steps": 2, "fs": 24, **self.settings}
        return DynamiCrafter(networks, DynamiCrafterSettings(**settings), self)


def tiny_networks(diffusion: DiffusionConfig) -> DynamiCrafterNetworks:
    """The networks, with noise on all weights: fresh ones switch every residual branch off."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        networks = DynamiCrafterNetworks(CONFIG.model_copy(update={"diffusion": diffusion}))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in networks.named_parameters():
            scale = parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.1
            drawn = torch.randn(parameter.shape, generator=generator) * scale
            parameter.copy_(drawn + (name.endswith("weight") and parameter.ndim == 1))
    return networks.eval()
