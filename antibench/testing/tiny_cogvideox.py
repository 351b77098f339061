"""CogVideoX image-to-video with random weights, small enough for a test.

It animates nothing; it has every path of the real one, so arithmetic, gradients and plumbing can be checked in
milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    CogVideoXDDIMScheduler,
    CogVideoXDPMScheduler,
    CogVideoXTransformer3DModel,
)
from torch import nn

from antibench.contracts import Gives, ModelCard
from antibench.models.cogvideox import CogVideoX, CogVideoXSettings
from antibench.models.cogvideox_text import CaptionPipeline
from antibench.models.part import Part

TEXT_LENGTH = 4
WIDTH = 8
SERIES_1_5: dict[str, Any] = {
    "patch_size_t": 2,
    "ofs_embed_dim": 8,
    "use_learned_positional_embeddings": False,
    "patch_bias": False,
}
"""Configuration of the transformer where it is that of the 1.5 image-to-video models."""


class ByteText(nn.Module):
    """A caption as the embeddings of its first four bytes, zero where there are none."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = nn.Embedding(256, WIDTH)

    def forward(self, captions: Sequence[str]) -> torch.Tensor:
        """B captions -> (B, 4, D)."""
        ids = [list(caption.encode()[:TEXT_LENGTH].ljust(TEXT_LENGTH, b"\0")) for caption in captions]
        text: torch.Tensor = self.bytes(torch.tensor(ids, device=self.bytes.weight.device))
        return text


@dataclass(frozen=True)
class TinyCogVideoX:
    """Random weights in the classes of CogVideoX; `transformer` and `vae` change their configurations."""

    scheduler: Literal["ddim", "dpm"] = "ddim"
    transformer: dict[str, Any] = field(default_factory=dict)
    vae: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    name: ClassVar[str] = "tiny-cogvideox"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = ModelCard("Random weights", world="small", gate="not-applicable")
    size: ClassVar[tuple[int, int]] = (16, 16)
    frames: ClassVar[int] = 9
    gives: ClassVar[frozenset[Gives]] = frozenset(
        {
            "diffusion_loss",
            "guidance",
            "features",
            "image_latents",
            "vae_features",
            "still_latents",
            "text",
            "attention",
        }
    )

    def load(self, device: str) -> CogVideoX:
        """Build the model; the weights are the same every time."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            vae, transformer = tiny_vae(self.vae), tiny_transformer(self.transformer)
            text = Part(ByteText())
        kind = {"ddim": CogVideoXDDIMScheduler, "dpm": CogVideoXDPMScheduler}[self.scheduler]
        pipe = CaptionPipeline(
            tokenizer=None, text_encoder=text, vae=vae, transformer=transformer, scheduler=kind(**SCHEDULE)
        ).to(device)
        settings = {"size": self.size, "frames": self.frames, "steps": 2, **self.settings}
        return CogVideoX(pipe, CogVideoXSettings(**settings), self)


SCHEDULE: dict[str, Any] = {
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "snr_shift_scale": 1.0,
    "timestep_spacing": "trailing",
}
"""What the checkpoint of the image-to-video model sets."""


def tiny_vae(changes: dict[str, Any]) -> AutoencoderKLCogVideoX:
    """The VAE with random weights, its configuration changed."""
    config = {
        "block_out_channels": (8, 8, 8),
        "down_block_types": ("CogVideoXDownBlock3D",) * 3,
        "up_block_types": ("CogVideoXUpBlock3D",) * 3,
        "latent_channels": 4,
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "sample_height": 16,
        "sample_width": 16,
        "scaling_factor": 0.7,
    }
    return AutoencoderKLCogVideoX(**{**config, **changes})


def tiny_transformer(changes: dict[str, Any]) -> CogVideoXTransformer3DModel:
    """The transformer with random weights, its configuration changed."""
    config = {
        "num_attention_heads": 2,
        "attention_head_dim": 16,
        "in_channels": 8,
        "out_channels": 4,
        "time_embed_dim": 8,
        "text_embed_dim": WIDTH,
        "num_layers": 3,
        "sample_width": 4,
        "sample_height": 4,
        "sample_frames": 9,
        "max_text_seq_length": TEXT_LENGTH,
        "use_rotary_positional_embeddings": True,
        "use_learned_positional_embeddings": True,
    }
    return CogVideoXTransformer3DModel(**{**config, **changes})
