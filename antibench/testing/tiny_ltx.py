"""LTX-Video with random weights, small enough for a test.

It animates nothing; it has every path of the real one, so arithmetic, gradients and plumbing can be checked in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from diffusers import (
    AutoencoderKLLTXVideo,
    FlowMatchEulerDiscreteScheduler,
    LTXImageToVideoPipeline,
    LTXVideoTransformer3DModel,
)

from antibench.contracts import Gives, ModelCard
from antibench.models.flow import FlowSettings
from antibench.models.ltx import LTX
from antibench.testing.tiny_text import WIDTH, t5
from antibench.testing.tiny_wan import GIVES

SCHEDULE: dict[str, Any] = {
    "use_dynamic_shifting": True,
    "base_shift": 0.95,
    "max_shift": 2.05,
    "base_image_seq_len": 1024,
    "max_image_seq_len": 4096,
    "shift_terminal": 0.1,
}
"""As the checkpoint configures it."""


@dataclass(frozen=True)
class TinyLTX:
    """Random weights in the classes of LTX-Video; `vae` changes its configuration."""

    vae: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    name: ClassVar[str] = "tiny-ltx"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = ModelCard("Random weights", world="small", gate="not-applicable")
    size: ClassVar[tuple[int, int]] = (32, 64)
    frames: ClassVar[int] = 9
    gives: ClassVar[frozenset[Gives]] = GIVES

    def load(self, device: str) -> LTX:
        """Build the model; the weights are the same every time. The posterior has next to no variance: the pipeline
        draws from it where the adapter takes its mean."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            tokenizer, text_encoder = t5()
            pipe = LTXImageToVideoPipeline(
                scheduler=FlowMatchEulerDiscreteScheduler(**SCHEDULE),
                vae=_vae(self.vae),
                text_encoder=text_encoder,
                tokenizer=tokenizer,
                transformer=_transformer(),
            ).to(device)
        settings = {"fps": 25.0, "guidance_scale": 3.0, "size": self.size, "frames": self.frames, "steps": 2}
        return LTX(pipe, FlowSettings(**{**settings, **self.settings}), self)


def _vae(changes: dict[str, Any]) -> AutoencoderKLLTXVideo:
    config: dict[str, Any] = {
        "latent_channels": 8,
        "block_out_channels": (8, 8, 8, 8),
        "decoder_block_out_channels": (8, 8, 8, 8),
        "layers_per_block": (1, 1, 1, 1, 1),
        "decoder_layers_per_block": (1, 1, 1, 1, 1),
    }
    vae = AutoencoderKLLTXVideo(**{**config, **changes})
    vae.latents_mean.copy_(torch.linspace(-0.3, 0.3, 8))
    vae.latents_std.copy_(torch.linspace(0.5, 1.2, 8))
    with torch.no_grad():
        vae.encoder.conv_out.conv.weight[-1] = 0
        vae.encoder.conv_out.conv.bias[-1] = -60
    return vae


def _transformer() -> LTXVideoTransformer3DModel:
    return LTXVideoTransformer3DModel(
        in_channels=8,
        out_channels=8,
        num_attention_heads=2,
        attention_head_dim=12,
        cross_attention_dim=24,
        num_layers=2,
        caption_channels=WIDTH,
    )
