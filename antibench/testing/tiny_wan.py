"""Wan with random weights, small enough for a test.

It animates nothing; it has every path of the real one, so arithmetic, gradients and plumbing can be checked in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanImageToVideoPipeline, WanTransformer3DModel
from transformers import CLIPVisionModel

from antibench.contracts import Gives, ModelCard
from antibench.models.wan import Wan, WanSettings
from antibench.testing.tiny_text import WIDTH, clip_processor, clip_vision, umt5

HEAD, LATENT = 12, 4
GIVES: frozenset[Gives] = frozenset(
    {"diffusion_loss", "guidance", "features", "image_latents", "vae_features", "still_latents", "text"}
)


@dataclass(frozen=True)
class TinyWan21:
    """Wan 2.1: image tokens, and a clip of photo and grey beside the noised one."""

    settings: dict[str, Any] = field(default_factory=dict)

    name: ClassVar[str] = "tiny-wan2.1"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = ModelCard("Random weights", world="small", gate="not-applicable")
    size: ClassVar[tuple[int, int]] = (16, 32)
    frames: ClassVar[int] = 9
    gives: ClassVar[frozenset[Gives]] = GIVES | {"image_tokens"}

    def load(self, device: str) -> Wan:
        """Build the model; the weights are the same every time."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            tokenizer, text_encoder = umt5()
            pipe = WanImageToVideoPipeline(
                tokenizer=tokenizer, text_encoder=text_encoder, scheduler=flow_scheduler(3.0), **self.parts()
            ).to(device)
        settings = {"fps": 16.0, "guidance_scale": 5.0, "size": self.size, "frames": self.frames, "steps": 2}
        return Wan(pipe, WanSettings(**{**settings, **self.settings}), self)

    def parts(self) -> dict[str, Any]:
        """What the pipeline holds besides text and scheduler."""
        image = {"image_dim": WIDTH, "added_kv_proj_dim": 2 * HEAD}
        return {
            "vae": tiny_vae(),
            "transformer": tiny_transformer(image),
            "image_encoder": clip_vision(CLIPVisionModel),
            "image_processor": clip_processor(),
        }


@dataclass(frozen=True)
class TinyWan22A14B(TinyWan21):
    """Wan 2.2 I2V-A14B: no image tokens, and two transformers."""

    name: ClassVar[str] = "tiny-wan2.2-a14b"
    gives: ClassVar[frozenset[Gives]] = GIVES

    def parts(self) -> dict[str, Any]:
        """What the pipeline holds besides text and scheduler."""
        return {
            "vae": tiny_vae(),
            "transformer": tiny_transformer({}),
            "transformer_2": tiny_transformer({}),
            "boundary_ratio": 0.9,
        }


@dataclass(frozen=True)
class TinyWan22TI2V(TinyWan21):
    """Wan 2.2 TI2V-5B: the photo is the first latent frame, and the VAE takes patches."""

    name: ClassVar[str] = "tiny-wan2.2-ti2v"
    size: ClassVar[tuple[int, int]] = (32, 64)
    gives: ClassVar[frozenset[Gives]] = GIVES

    def parts(self) -> dict[str, Any]:
        """What the pipeline holds besides text and scheduler."""
        patched = {
            "is_residual": True, "patch_size": 2, "in_channels": 12, "out_channels": 12, "scale_factor_spatial": 16,
        }  # fmt: skip
        return {
            "vae": tiny_vae(**patched),
            "transformer": tiny_transformer({"in_channels": LATENT}),
            "expand_timesteps": True,
        }


def flow_scheduler(shift: float) -> UniPCMultistepScheduler:
    """The scheduler as the checkpoints configure it."""
    return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift)


def tiny_vae(**changes: Any) -> AutoencoderKLWan:
    """The VAE with random weights, its configuration changed."""
    config: dict[str, Any] = {
        "base_dim": 8,
        "z_dim": LATENT,
        "dim_mult": [1, 1, 1, 1],
        "num_res_blocks": 1,
        "latents_mean": [0.1, -0.2, 0.3, 0.0],
        "latents_std": [0.5, 0.8, 1.1, 0.9],
    }
    return AutoencoderKLWan(**{**config, **changes})


def tiny_transformer(changes: dict[str, Any]) -> WanTransformer3DModel:
    """The transformer with random weights, its configuration changed."""
    return WanTransformer3DModel(**{**tiny_transformer_config(), **changes})


def tiny_transformer_config() -> dict[str, Any]:
    """Small, with latents of four channels beside themselves and a mask."""
    return {
        "num_attention_heads": 2,
        "attention_head_dim": HEAD,
        "in_channels": 2 * LATENT + 4,
        "out_channels": LATENT,
        "text_dim": WIDTH,
        "freq_dim": 8,
        "ffn_dim": 16,
        "num_layers": 2,
        "rope_max_seq_len": 32,
    }
