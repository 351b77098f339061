"""The causal autoencoder over frames of image latents: every fourth frame, rows and columns as they are.

Source: Zheng et al. 2024 (arXiv 2412.20404), section 3; the architecture is that of MAGVIT-v2 (arXiv 2310.05737).
"""

from __future__ import annotations

from collections.abc import Iterable

from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from torch import Tensor, nn
from torch.nn import functional as F

from antibench.models.opensora.causal import CausalConv, ResidualBlock, interleaved
from antibench.models.opensora.config import TemporalVAEConfig


class TemporalEncoder(nn.Module):
    """Image latents to twice as many channels as the latent has: mean and logarithm of the variance."""

    def __init__(self, config: TemporalVAEConfig) -> None:
        super().__init__()
        widths = _widths(config)
        self.conv_in = CausalConv(config.in_out_channels, widths[0], 3, bias=False)
        self.block_res_blocks = nn.ModuleList(
            _level(width_in, width, config) for width_in, width in zip([widths[0], *widths], widths, strict=False)
        )
        self.conv_blocks = nn.ModuleList(
            CausalConv(width, width, 3, time_stride=2) if halved else nn.Identity()
            for width, halved in zip(widths, config.temporal_downsample, strict=False)
        )
        self.res_blocks = _level(widths[-1], widths[-1], config)
        self.norm1 = nn.GroupNorm(config.num_groups, widths[-1])
        self.conv2 = CausalConv(widths[-1], 2 * config.latent_embed_dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_out_channels, T, h, w), T a multiple of `frames_per_latent` F, to (B, 2·latent_embed_dim, T/F, h,
        w)."""
        x = self.conv_in(x)
        for i, level in enumerate(self.block_res_blocks):
            x = level(x)
            if i < len(self.conv_blocks):
                x = self.conv_blocks[i](x)
        moments: Tensor = self.conv2(F.silu(self.norm1(self.res_blocks(x))))
        return moments


class TemporalDecoder(nn.Module):
    """A clip's latent to image latents."""

    def __init__(self, config: TemporalVAEConfig) -> None:
        super().__init__()
        widths = _widths(config)
        self.conv1 = CausalConv(config.latent_embed_dim, widths[-1], 3)
        self.res_blocks = _level(widths[-1], widths[-1], config)
        self.block_res_blocks = nn.ModuleList(
            _level(width_in, width, config) for width_in, width in zip([*widths[1:], widths[-1]], widths, strict=True)
        )
        self.conv_blocks = nn.ModuleList(
            CausalConv(width, 2 * width, 3) if doubled else nn.Identity()
            for width, doubled in zip(widths[1:], config.temporal_downsample, strict=True)
        )
        self.norm1 = nn.GroupNorm(config.num_groups, widths[0])
        self.conv_out = CausalConv(widths[0], config.in_out_channels, 3)
        self._doubled = config.temporal_downsample

    def forward(self, z: Tensor) -> Tensor:
        """(B, latent_embed_dim, T, h, w) to (B, in_out_channels, F·T, h, w)."""
        x = self.res_blocks(self.conv1(z))
        for i in reversed(range(len(self.block_res_blocks))):
            x = self.block_res_blocks[i](x)
            if i > 0:
                x = self.conv_blocks[i - 1](x)
                x = interleaved(x) if self._doubled[i - 1] else x
        frames: Tensor = self.conv_out(F.silu(self.norm1(x)))
        return frames


class TemporalVAE(nn.Module):
    """Frames of image latents to the latent of a clip, and back. Differentiable."""

    def __init__(self, config: TemporalVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = TemporalEncoder(config)
        self.quant_conv = CausalConv(2 * config.latent_embed_dim, 2 * config.embed_dim, 1)
        self.post_quant_conv = CausalConv(config.embed_dim, config.latent_embed_dim, 1)
        self.decoder = TemporalDecoder(config)

    def encode(self, x: Tensor) -> DiagonalGaussianDistribution:
        """The posterior over (B, embed_dim, ceil(T/F), h, w) for (B, in_out_channels, T, h, w), T of any length: zeros
        in front make whole groups of F = `frames_per_latent` frames."""
        missing = -x.shape[2] % self.config.frames_per_latent
        moments = self.quant_conv(self.encoder(F.pad(x, (0, 0, 0, 0, missing, 0))))
        return DiagonalGaussianDistribution(moments)

    def decode(self, z: Tensor, frames: int) -> Tensor:
        """(B, embed_dim, ceil(T/F), h, w) to (B, in_out_channels, T, h, w), T = `frames`: what came of the zeros in
        front is dropped."""
        decoded: Tensor = self.decoder(self.post_quant_conv(z))
        return decoded[:, :, -frames % self.config.frames_per_latent :]


def _widths(config: TemporalVAEConfig) -> list[int]:
    return [config.filters * multiplier for multiplier in config.channel_multipliers]


def _level(width_in: int, width: int, config: TemporalVAEConfig) -> nn.Sequential:
    """Residual blocks, the first of which takes the number of channels from `width_in` to `width`."""
    sources: Iterable[int] = [width_in] + [width] * (config.num_res_blocks - 1)
    return nn.Sequential(*(ResidualBlock(source, width, config.num_groups) for source in sources))
