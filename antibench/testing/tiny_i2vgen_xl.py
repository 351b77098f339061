"""I2VGen-XL with random weights, small enough for a test.

It animates nothing; it has every path of the real one, so arithmetic, gradients and plumbing can be checked in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from diffusers import AutoencoderKL, DDIMScheduler, I2VGenXLPipeline, I2VGenXLUNet
from transformers import CLIPVisionModelWithProjection

from antibench.contracts import Gives, ModelCard
from antibench.models.i2vgen_xl import I2VGenXL, I2VGenXLSettings
from antibench.testing.tiny_text import WIDTH, clip_processor, clip_text, clip_vision

SCHEDULE: dict[str, Any] = {
    "beta_schedule": "squaredcos_cap_v2",
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "clip_sample": False,
    "set_alpha_to_one": True,
    "timestep_spacing": "leading",
    "steps_offset": 1,
}
CHANNELS = 32


@dataclass(frozen=True)
class TinyI2VGenXL:
    """Random weights in the classes of I2VGen-XL; a frame wider than high, as the real one's."""

    settings: dict[str, Any] = field(default_factory=dict)

    name: ClassVar[str] = "tiny-i2vgen-xl"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = ModelCard("Random weights", world="small", gate="not-applicable")
    size: ClassVar[tuple[int, int]] = (16, 24)
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
            "text",
        }
    )

    def load(self, device: str) -> I2VGenXL:
        """Build the model; the weights are the same every time."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            tokenizer, text_encoder = clip_text()
            pipe = I2VGenXLPipeline(
                vae=_vae(),
                text_encoder=text_encoder,
                tokenizer=tokenizer,
                image_encoder=clip_vision(CLIPVisionModelWithProjection),
                feature_extractor=clip_processor(),
                unet=_unet(),
                scheduler=DDIMScheduler(**SCHEDULE),
            ).to(device)
        settings = I2VGenXLSettings(**{"size": self.size, "frames": self.frames, "steps": 2, **self.settings})
        return I2VGenXL(pipe, settings, self)


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
        up_block_types=("UpDecoderBlock2D", "UpDecoderBlock2D"),
        block_out_channels=(CHANNELS, CHANNELS),
        layers_per_block=1,
        latent_channels=4,
        sample_size=16,
    )


def _unet() -> I2VGenXLUNet:
    return I2VGenXLUNet(
        down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
        block_out_channels=(CHANNELS, CHANNELS),
        layers_per_block=1,
        norm_num_groups=8,
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
    )
