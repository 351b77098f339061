"""Open-Sora 1.2 with random weights, small enough for a test.

It animates nothing; it has every path of the real one, so arithmetic, gradients and plumbing can be checked in
milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import torch
from torch import nn
from transformers import T5Config, T5EncoderModel, T5Tokenizer

from antibench.contracts import Gives, ModelCard
from antibench.models.opensora.adapter import OpenSora, OpenSoraSettings
from antibench.models.opensora.config import SpatialVAEConfig, STDiT3Config, TemporalVAEConfig, VAEConfig
from antibench.models.opensora.networks import OpenSoraNetworks
from antibench.models.opensora.stdit3 import STDiT3
from antibench.models.opensora.text import T5Text
from antibench.models.opensora.vae import OpenSoraVAE

Module = TypeVar("Module", bound=nn.Module)

TEXT_LENGTH, TEXT_WIDTH = 64, 24

STDIT3 = STDiT3Config(
    depth=2, hidden_size=32, num_heads=4, caption_channels=TEXT_WIDTH, model_max_length=TEXT_LENGTH, mlp_ratio=2.0
)
VAE = VAEConfig(
    spatial_vae=SpatialVAEConfig(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        sample_size=16,
    ),
    temporal_vae=TemporalVAEConfig(
        filters=8, num_res_blocks=1, channel_multipliers=(1, 2, 1), temporal_downsample=(True, True), num_groups=4
    ),
    micro_frame_size=5,
    micro_batch_size=2,
)
LETTERS = "▁abcdefghijklmnopqrstuvwxyz.:0123456789"


@dataclass(frozen=True)
class TinyOpenSora:
    """Random weights in the networks of Open-Sora."""

    settings: dict[str, Any] = field(default_factory=dict)

    name: ClassVar[str] = "tiny-opensora"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = ModelCard("Random weights", world="small", gate="not-applicable")
    size: ClassVar[tuple[int, int]] = (16, 20)
    frames: ClassVar[int] = 7
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

    def load(self, device: str) -> OpenSora:
        """Build the model; the weights are the same every time."""
        settings = {"size": self.size, "frames": self.frames, "steps": 2, **self.settings}
        return OpenSora(tiny_networks().to(device), OpenSoraSettings(**settings), self)


def tiny_networks() -> OpenSoraNetworks:
    """The networks, with noise on all weights."""
    tokenizer, encoder = tiny_t5()
    text = T5Text(tokenizer, encoder, TEXT_LENGTH)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        networks = OpenSoraNetworks(STDiT3(STDIT3), OpenSoraVAE(VAE), text)
    return redrawn(networks)


def tiny_t5() -> tuple[T5Tokenizer, T5EncoderModel]:
    """A tokenizer of letters and a random encoder."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((letter, -1.0) for letter in LETTERS)]
    config = T5Config(vocab_size=len(pieces) + 3, d_model=TEXT_WIDTH, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return T5Tokenizer(pieces, extra_ids=0), T5EncoderModel(config)


def redrawn(module: Module, seed: int = 0) -> Module:
    """The module with all trained parameters and the null text drawn anew, none zero, in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    null = [(name, value) for name, value in module.named_buffers() if name.endswith("y_embedding")]
    with torch.no_grad():
        for name, parameter in [*module.named_parameters(), *null]:
            if name.endswith("rope.freqs"):
                continue
            scale = parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.1
            drawn = torch.randn(parameter.shape, generator=generator) * scale
            parameter.copy_(drawn + (name.endswith("weight") and parameter.ndim == 1))
    return module.eval()
