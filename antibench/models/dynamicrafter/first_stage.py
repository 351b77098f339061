"""The image autoencoder of Stable Diffusion: the class of diffusers under the parameter names of the checkpoints.

Source: Rombach et al. 2022, "High-Resolution Image Synthesis with Latent Diffusion Models" (arXiv 2112.10752).
"""

from __future__ import annotations

import re
from typing import Any, cast

from diffusers import AutoencoderKL
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from torch import Tensor, nn

from antibench.models.dynamicrafter.config import FirstStageConfig

_NAMES = (
    (r"\.down_blocks\.(\d+)", r".down.\1"),
    (r"\.up_blocks\.(\d+)", r".up.\1"),
    (r"\.mid_block\.resnets\.0", ".mid.block_1"),
    (r"\.mid_block\.resnets\.1", ".mid.block_2"),
    (r"\.mid_block\.attentions\.0", ".mid.attn_1"),
    (r"\.resnets\.(\d+)", r".block.\1"),
    (r"\.downsamplers\.0", ".downsample"),
    (r"\.upsamplers\.0", ".upsample"),
    (r"\.conv_shortcut", ".nin_shortcut"),
    (r"\.conv_norm_out", ".norm_out"),
    (r"\.attn_1\.group_norm", ".attn_1.norm"),
    (r"\.attn_1\.to_([qkv])", r".attn_1.\1"),
    (r"\.attn_1\.to_out\.0", ".attn_1.proj_out"),
)
"""What diffusers calls a part, and what the checkpoints call it; applied in this order."""
_MATRIX = re.compile(r"\.attn_1\.(q|k|v|proj_out)\.weight$")
"""Weights that diffusers has as matrices and the checkpoints as convolutions of width 1."""


class FirstStage(nn.Module):
    """Pictures to latents and back, frame by frame. `state_dict` and `load_state_dict` speak the checkpoints' names."""

    def __init__(self, config: FirstStageConfig) -> None:
        """Build the autoencoder.

        Raises:
            ValueError: if a latent has other channels than the encoder's output.
        """
        super().__init__()
        network = config.ddconfig
        if config.embed_dim != network.z_channels:
            raise ValueError(f"embed_dim {config.embed_dim} is not z_channels {network.z_channels}")
        levels = len(network.ch_mult)
        self.vae = AutoencoderKL(
            in_channels=network.in_channels,
            out_channels=network.out_ch,
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            block_out_channels=tuple(network.ch * multiplier for multiplier in network.ch_mult),
            layers_per_block=network.num_res_blocks,
            latent_channels=network.z_channels,
            sample_size=network.resolution,
        )
        self._names = {checkpoint_name(name, levels): name for name in self.vae.state_dict()}
        self.layers = {checkpoint_name(path, levels): part for path, part in self.vae.named_modules() if path}
        """Every module by its name in the checkpoints."""
        self.register_state_dict_post_hook(_to_checkpoint)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_pre_hook(_from_checkpoint)  # type: ignore[no-untyped-call]

    def encode(self, pixels: Tensor) -> DiagonalGaussianDistribution:
        """The posterior over latents (B, C, h, w), not scaled, of (B, 3, H, W) in [-1, 1]; differentiable."""
        return cast(DiagonalGaussianDistribution, self.vae.encode(pixels).latent_dist)

    def decode(self, latents: Tensor) -> Tensor:
        """(B, C, h, w) latents, not scaled, to (B, 3, H, W) about [-1, 1], not clamped; differentiable."""
        return cast(Tensor, self.vae.decode(latents).sample)


def checkpoint_name(name: str, levels: int) -> str:
    """What the checkpoints call a part of diffusers' autoencoder with so many levels.

    The checkpoints number the decoder's levels by resolution, from the finest; diffusers in the order they run.
    """
    for pattern, replacement in _NAMES:
        name = re.sub(pattern, replacement, name)
    return re.sub(r"(?<=^decoder\.up\.)\d+", lambda level: str(levels - 1 - int(level[0])), name)


def _to_checkpoint(module: nn.Module, state: dict[str, Tensor], prefix: str, _: Any) -> None:
    for ours, theirs in cast(FirstStage, module)._names.items():
        value = state.pop(f"{prefix}vae.{theirs}")
        state[prefix + ours] = value[..., None, None] if _MATRIX.search(ours) else value


def _from_checkpoint(module: nn.Module, state: dict[str, Tensor], prefix: str, *_: Any) -> None:
    for ours, theirs in cast(FirstStage, module)._names.items():
        if prefix + ours in state:
            value = state.pop(prefix + ours)
            state[f"{prefix}vae.{theirs}"] = value.reshape(value.shape[:2]) if _MATRIX.search(ours) else value
