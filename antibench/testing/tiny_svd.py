"""Stable Video Diffusion with random weights, small enough for a test.

It animates nothing; it has every path of the real one, so arithmetic, gradients and plumbing can be checked in
milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from diffusers import (
    AutoencoderKLTemporalDecoder,
    EulerDiscreteScheduler,
    StableVideoDiffusionPipeline,
    UNetSpatioTemporalConditionModel,
)
from torch import nn
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from antibench.contracts import Gives, ModelCard
from antibench.models.part import Part
from antibench.models.svd import SVD, SVDSettings
from antibench.models.svd_tokens import TokenPipeline

WIDTH = 32
"""Channels; the U-Net's group norms allow no fewer."""


class PatchTokens(nn.Module):
    """Sixteen tokens of an image: one linear map of the pixels under each cell of a 4 x 4 grid."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(3, width)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) in [0, 1] -> (B, 16, D)."""
        cells = nn.functional.adaptive_avg_pool2d(pixels, 4).flatten(2).transpose(1, 2)
        tokens: torch.Tensor = self.project(cells)
        return tokens


@dataclass(frozen=True)
class TinySVD:
    """Random weights in the classes of Stable Video Diffusion; `clip` chooses its own image encoder."""

    clip: bool = False
    settings: dict[str, Any] = field(default_factory=dict)

    name: ClassVar[str] = "tiny-svd"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = ModelCard("Random weights", world="small", gate="not-applicable")
    size: ClassVar[tuple[int, int]] = (16, 16)
    frames: ClassVar[int] = 3
    gives: ClassVar[frozenset[Gives]] = frozenset(
        {
            "diffusion_loss",
            "guidance",
            "features",
            "image_latents",
            "vae_features",
            "still_latents",
            "image_tokens",
            "attention",
        }
    )

    def load(self, device: str) -> SVD:
        """Build the model; the weights are the same every time."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            vae, unet = _svd_vae(), _svd_unet()
            encoder = _clip() if self.clip else Part(PatchTokens(WIDTH))
        kind = StableVideoDiffusionPipeline if self.clip else TokenPipeline
        extractor = CLIPImageProcessor() if self.clip else None
        pipe = kind(
            vae=vae, image_encoder=encoder, unet=unet, scheduler=svd_scheduler(), feature_extractor=extractor
        ).to(device)
        settings = SVDSettings(**{"size": self.size, "frames": self.frames, "steps": 2, **self.settings})
        return SVD(pipe, settings, self)


def svd_scheduler() -> EulerDiscreteScheduler:
    """The scheduler of Stable Video Diffusion, as its checkpoint configures it."""
    return EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        sigma_min=0.002,
        sigma_max=700.0,
        timestep_spacing="leading",
        timestep_type="continuous",
        steps_offset=1,
        use_karras_sigmas=True,
    )


def _svd_vae() -> AutoencoderKLTemporalDecoder:
    return AutoencoderKLTemporalDecoder(
        down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
        block_out_channels=(WIDTH, WIDTH),
        layers_per_block=1,
        latent_channels=4,
        sample_size=16,
    )


def _svd_unet() -> UNetSpatioTemporalConditionModel:
    return UNetSpatioTemporalConditionModel(
        sample_size=8,
        in_channels=8,
        out_channels=4,
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
        block_out_channels=(WIDTH, WIDTH),
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=24,
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        num_attention_heads=2,
        num_frames=3,
    )


def _clip() -> CLIPVisionModelWithProjection:
    config = CLIPVisionConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2, patch_size=56,
        image_size=224, projection_dim=WIDTH,
    )  # fmt: skip
    return CLIPVisionModelWithProjection(config)
