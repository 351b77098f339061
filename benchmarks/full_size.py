"""The real models at full size with random weights, made on the device: neither time nor memory depends on values.

Networks are built where they will run, with their own initialisation, so that every table that is computed and not
learnt (rotary frequencies, positions, noise schedules) is the real one; then they are cast as the loaders cast them.
The text encoders are left out: a caption is random embeddings of the shape that they give.

Sources: CogVideoX: `transformer/config.json`, `vae/config.json` and `scheduler/scheduler_config.json` of
THUDM/CogVideoX-5b-I2V. The VAE's `invert_scale_latents` was not looked up; it is one multiplication. Open-Sora 1.2 and
DynamiCrafter: `antibench.models.opensora.config` and `antibench.models.dynamicrafter.presets`. Open-Sora is registered
at 240p; here it runs at 480p.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

COGVIDEOX_TRANSFORMER: dict[str, Any] = {
    "num_attention_heads": 48,
    "attention_head_dim": 64,
    "in_channels": 32,
    "out_channels": 16,
    "time_embed_dim": 512,
    "text_embed_dim": 4096,
    "num_layers": 42,
    "attention_bias": True,
    "sample_width": 90,
    "sample_height": 60,
    "sample_frames": 49,
    "patch_size": 2,
    "temporal_compression_ratio": 4,
    "max_text_seq_length": 226,
    "activation_fn": "gelu-approximate",
    "timestep_activation_fn": "silu",
    "spatial_interpolation_scale": 1.875,
    "temporal_interpolation_scale": 1.0,
    "use_rotary_positional_embeddings": True,
    "use_learned_positional_embeddings": True,
}
COGVIDEOX_VAE: dict[str, Any] = {
    "block_out_channels": (128, 256, 256, 512),
    "down_block_types": ("CogVideoXDownBlock3D",) * 4,
    "up_block_types": ("CogVideoXUpBlock3D",) * 4,
    "latent_channels": 16,
    "layers_per_block": 3,
    "norm_num_groups": 32,
    "temporal_compression_ratio": 4,
    "sample_height": 480,
    "sample_width": 720,
    "scaling_factor": 0.7,
}
COGVIDEOX_TINY_SIZE = (48, 40)
"""The smallest that its tiles, half as large and overlapping by 1/6 and 1/5, divide."""
OPENSORA_480P: dict[str, Any] = {"size": (480, 848), "told_size": (480, 854)}
"""The published size, and the nearest that is whole patches of the autoencoder."""
CAPTION_TOKENS = 60
"""Tokens of a caption of Open-Sora that are not padding: its own captions are about that long."""
FILL = 0.02
"""Deviation of weights that a fresh network starts at zero."""


@dataclass(frozen=True)
class Order:
    """What to build.

    Attributes:
        model: Name in `MODELS`.
        frames: Of a clip.
        device: Torch device.
        computing: Fields of `antibench.models.computing.Computing`.
        tiny: Tiny networks in float32 instead of the real ones.
        dtype: Of the weights; None: float32 of tiny networks, bfloat16 of real ones.
    """

    model: str
    frames: int
    device: str
    computing: dict[str, Any]
    tiny: bool = False
    dtype: torch.dtype | None = None

    @property
    def weights(self) -> torch.dtype:
        """Type of the weights."""
        return self.dtype or (torch.float32 if self.tiny else torch.bfloat16)


class GivenText(nn.Module):
    """Random embeddings (L, C) for any caption, in the place of a text encoder."""

    def __init__(self, length: int, channels: int) -> None:
        super().__init__()
        self.length = length
        self.tokens = nn.Parameter(torch.randn(length, channels))


class CogVideoXText(GivenText):
    """Captions to (B, L, C)."""

    def forward(self, captions: list[str]) -> torch.Tensor:
        """The same for each."""
        return self.tokens.expand(len(captions), -1, -1)


class OpenSoraText(GivenText):
    """Captions to tokens (B, 1, L, C) and their mask."""

    def forward(self, captions: list[str]) -> Any:
        """The same for each; the first `CAPTION_TOKENS` are text."""
        from antibench.models.opensora.text import Text

        mask = (torch.arange(self.length, device=self.tokens.device) < CAPTION_TOKENS).long()
        return Text(self.tokens.expand(len(captions), 1, -1, -1), mask.expand(len(captions), -1))


def cogvideox(order: Order) -> Any:
    """CogVideoX-5B image-to-video."""
    from diffusers import AutoencoderKLCogVideoX, CogVideoXDDIMScheduler, CogVideoXTransformer3DModel

    from antibench.models.cogvideox_arranged import arranged_cogvideox
    from antibench.models.cogvideox_text import CaptionPipeline
    from antibench.models.part import Part
    from antibench.models.specs import CogVideoX5BI2V
    from antibench.testing import tiny_cogvideox as tiny

    with torch.device(order.device):
        if order.tiny:
            height, width = COGVIDEOX_TINY_SIZE
            transformer = tiny.tiny_transformer({"sample_height": height // 4, "sample_width": width // 4})
            vae = tiny.tiny_vae({"sample_height": height, "sample_width": width})
        else:
            transformer = CogVideoXTransformer3DModel(**COGVIDEOX_TRANSFORMER)
            vae = AutoencoderKLCogVideoX(**COGVIDEOX_VAE)
        text = Part(CogVideoXText(transformer.config.max_text_seq_length, transformer.config.text_embed_dim))
    parts = {"transformer": transformer, "vae": vae, "text_encoder": text}
    for part in parts.values():
        filled(part).to(order.device, order.weights)
    pipe = CaptionPipeline(tokenizer=None, scheduler=CogVideoXDDIMScheduler(**tiny.SCHEDULE), **parts)
    size = COGVIDEOX_TINY_SIZE if order.tiny else CogVideoX5BI2V.size
    spec = sized(CogVideoX5BI2V, order, size=size)
    return arranged_cogvideox(
        pipe,
        spec,
        steps=spec.steps,
        guidance_scale=spec.guidance,
        negative_prompt=spec.negative_prompt,
        use_dynamic_cfg=spec.dynamic_guidance,
        fps=spec.fps,
    )


def opensora(order: Order) -> Any:
    """Open-Sora 1.2 at 480p."""
    from antibench.models.opensora.arranged import arranged_opensora
    from antibench.models.opensora.networks import OpenSoraNetworks
    from antibench.models.opensora.specs import OpenSora12
    from antibench.models.opensora.stdit3 import STDiT3
    from antibench.models.opensora.vae import OpenSoraVAE
    from antibench.testing import tiny_opensora as tiny

    told = {"size": tiny.TinyOpenSora.size, "told_size": tiny.TinyOpenSora.size} if order.tiny else OPENSORA_480P
    spec = sized(OpenSora12, order, **told)
    config = tiny.STDIT3 if order.tiny else spec.denoiser_config()
    with torch.device(order.device):
        denoiser = STDiT3(config)
        vae = OpenSoraVAE(tiny.VAE if order.tiny else spec.vae_config())
        text: Any = OpenSoraText(config.model_max_length, config.caption_channels)
    networks = filled(OpenSoraNetworks(denoiser, vae, text))
    for name, part in [*denoiser.named_children(), ("vae", vae), ("text", text)]:
        if name != "rope":  # as `load_stdit3`
            part.to(order.weights)
    return arranged_opensora(networks, spec, steps=spec.steps, guidance_scale=spec.guidance, aesthetic=spec.aesthetic)


def dynamicrafter(order: Order) -> Any:
    """DynamiCrafter at 320 x 512."""
    from antibench.models.dynamicrafter.arranged import arranged_dynamicrafter
    from antibench.models.dynamicrafter.networks import DynamiCrafterNetworks
    from antibench.models.dynamicrafter.presets import PRESETS
    from antibench.models.dynamicrafter.specs import DynamiCrafter512
    from antibench.testing import tiny_dynamicrafter as tiny

    size = tiny.TinyDynamiCrafter.size if order.tiny else DynamiCrafter512.size
    spec = sized(DynamiCrafter512, order, size=size)
    with torch.device(order.device):
        networks = DynamiCrafterNetworks(tiny.CONFIG if order.tiny else PRESETS[spec.preset].config)
    for part in filled(networks).children():  # as `load_networks`
        part.to(order.weights)
    return arranged_dynamicrafter(
        networks.to(order.device),  # the schedule is computed by NumPy
        spec,
        steps=spec.steps,
        guidance_scale=spec.guidance,
        guidance_rescale=spec.guidance_rescale,
        eta=spec.eta,
        fs=spec.fs,
    )


MODELS: dict[str, tuple[Callable[[Order], Any], tuple[int, ...], int]] = {
    "cogvideox-5b-i2v": (cogvideox, (16, 49), 9),
    "opensora-1.2": (opensora, (51,), 7),
    "dynamicrafter-512": (dynamicrafter, (16,), 3),
}
"""Builder, numbers of frames that are measured, and that of the tiny model."""


def build(order: Order) -> Any:
    """The model of an order, an `antibench.contracts.VideoModel`."""
    torch.manual_seed(0)
    return MODELS[order.model][0](order)


def sized(spec: type[Any], order: Order, **facts: Any) -> Any:
    """The registered spec at another number of frames, and with other class variables `facts`."""
    return type(spec.__name__, (spec,), {"frames": order.frames, **facts})(**order.computing)


def filled(module: Any) -> Any:
    """The module with what starts at zero drawn anew: products of zeros draw less power, and so run faster, than any
    real ones."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim > 1 and not parameter.any():
                parameter.normal_(std=FILL)
    return module
