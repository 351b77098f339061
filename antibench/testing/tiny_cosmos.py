"""Cosmos-Predict2 with random weights, small enough for a test.

It animates nothing; it has every path of the real one, so arithmetic, gradients and plumbing can be checked in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from diffusers import (
    AutoencoderKLWan,
    Cosmos2VideoToWorldPipeline,
    CosmosTransformer3DModel,
    FlowMatchEulerDiscreteScheduler,
)

from antibench.contracts import Gives, ModelCard
from antibench.models.cosmos import Cosmos
from antibench.models.flow import FlowSettings
from antibench.testing.tiny_text import WIDTH, t5
from antibench.testing.tiny_wan import GIVES, HEAD, LATENT, tiny_vae


@dataclass(frozen=True)
class TinyCosmos:
    """Random weights in the classes of Cosmos-Predict2; `scheduler` changes the configuration of its own."""

    scheduler: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    name: ClassVar[str] = "tiny-cosmos"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = ModelCard("Random weights", world="small", gate="not-applicable")
    size: ClassVar[tuple[int, int]] = (16, 32)
    frames: ClassVar[int] = 9
    gives: ClassVar[frozenset[Gives]] = GIVES

    def load(self, device: str) -> Cosmos:
        """Build the model; the weights are the same every time. The posterior has next to no variance: the pipeline
        draws from it where the adapter takes its mean."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            tokenizer, text_encoder = t5()
            pipe = Cosmos2VideoToWorldPipeline(
                text_encoder=text_encoder,
                tokenizer=tokenizer,
                transformer=_transformer(),
                vae=_vae(),
                scheduler=FlowMatchEulerDiscreteScheduler(**{"use_karras_sigmas": True, **self.scheduler}),
                safety_checker=NoGuardrail(),
            ).to(device)
        settings = {"fps": 16.0, "guidance_scale": 7.0, "size": self.size, "frames": self.frames, "steps": 2}
        return Cosmos(pipe, FlowSettings(**{**settings, **self.settings}), self)


class NoGuardrail:
    """Stands where the guardrail does. Random weights make no picture that needs one, and are not NVIDIA's."""

    def to(self, device: torch.device | str) -> NoGuardrail:
        """Itself."""
        del device
        return self

    def check_text_safety(self, prompt: str) -> bool:
        """True."""
        del prompt
        return True

    def check_video_safety(self, frames: np.ndarray) -> np.ndarray:
        """The clip as it is."""
        return frames


def _vae() -> AutoencoderKLWan:
    vae = tiny_vae()
    with torch.no_grad():
        vae.quant_conv.weight[LATENT:] = 0
        vae.quant_conv.bias[LATENT:] = -60
    return vae


def _transformer() -> CosmosTransformer3DModel:
    return CosmosTransformer3DModel(
        in_channels=LATENT + 1,
        out_channels=LATENT,
        num_attention_heads=2,
        attention_head_dim=HEAD,
        num_layers=2,
        text_embed_dim=WIDTH,
        adaln_lora_dim=4,
        rope_scale=(1.0, 3.0, 3.0),
        extra_pos_embed_type=None,
    )
