"""The 3D U-Net of DynamiCrafter.

Everything spatial runs on frames, (B·T, C, h, w) with the frames of a clip adjacent; temporal parts see clips. The
network is laid out as three lists of stages, whose numbers are the checkpoint's parameter names and the names of its
feature layers.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from diffusers.models.embeddings import get_timestep_embedding
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from antibench.models.arranged import first
from antibench.models.dynamicrafter.config import UNetConfig
from antibench.models.dynamicrafter.context import Context, split_context
from antibench.models.dynamicrafter.residual import Down, ResidualBlock, Up, by_clips, by_frames
from antibench.models.dynamicrafter.transformers import GROUPS, SpatialTransformer, TemporalTransformer, silenced

INIT_HEADS = 8
"""Heads of the temporal transformer after the first convolution, whatever the width."""


class Stage(nn.ModuleList):
    """Parts that run one after the other, each given what it needs: embedding, context or clips instead of frames."""

    recompute = False
    """Keep no activations for the backward pass but run again in it: less memory, the same numbers."""

    def forward(self, x: Tensor, embedding: Tensor, context: Context, frames: int) -> Tensor:
        """(B·T, C, h, w) to (B·T, C', h', w')."""
        if self.recompute and torch.is_grad_enabled():
            again: Tensor = checkpoint(self._run, x, embedding, context, frames, use_reentrant=False)
            return again
        return self._run(x, embedding, context, frames)

    def _run(self, x: Tensor, embedding: Tensor, context: Context, frames: int) -> Tensor:
        for part in self:
            if isinstance(part, ResidualBlock):
                x = part(x, embedding, frames)
            elif isinstance(part, SpatialTransformer):
                x = part(x, context)
            elif isinstance(part, TemporalTransformer):
                x = by_frames(part(by_clips(x, frames)))
            else:
                x = part(x)
        return x


class UNet3D(nn.Module):
    """Predicts v (256: the noise) of a noised clip, given the image latent, tokens and a number of frames per second.

    Differentiable in all tensor inputs of floating type. With `config.dropout` it is deterministic only in evaluation
    mode.
    """

    def __init__(self, config: UNetConfig) -> None:
        """Build the network; fresh weights start with all residual branches and the output at zero."""
        super().__init__()
        self.config = config
        base, embedding = config.model_channels, 4 * config.model_channels
        self.time_embed = _embedding(base, embedding)
        if config.fs_condition:
            self.fps_embedding = _embedding(base, embedding)
            silenced(self.fps_embedding[-1])
        if config.addition_attention:
            transformer = TemporalTransformer(
                base, INIT_HEADS, config.num_head_channels, config.transformer_depth, linear=False
            )
            self.init_attn = Stage([transformer])
        self.input_blocks, skips = self._input_blocks()
        width = skips[-1]
        self.middle_block = Stage(
            [self._residual(width, width), *self._transformers(width), self._residual(width, width)]
        )
        self.output_blocks = self._output_blocks(skips)
        self.out = nn.Sequential(
            nn.GroupNorm(GROUPS, base * config.channel_mult[0]),
            nn.SiLU(),
            silenced(nn.Conv2d(base * config.channel_mult[0], config.out_channels, 3, padding=1)),
        )

    def forward(self, x: Tensor, timesteps: Tensor, context: Tensor, fs: Tensor | None = None) -> Tensor:
        """One prediction.

        Args:
            x: (B, in_channels, T, h, w): noised latent and image latent, concatenated on channels. h and w must halve
                evenly at every level.
            timesteps: (B,), 0 to 999.
            context: (B, text tokens + image tokens, context_dim), text first (`split_context`).
            fs: (B,) frames per second (256: frame stride); the configuration's default if left out.

        Returns:
            (B, out_channels, T, h, w).

        Raises:
            ValueError: for a size that does not halve evenly, or a context shorter than the text.
        """
        config, frames = self.config, x.shape[2]
        step = 2 ** (len(config.channel_mult) - 1)
        if x.shape[3] % step or x.shape[4] % step:
            raise ValueError(f"latents of {tuple(x.shape[3:])}; height and width must be multiples of {step}")
        parts = split_context(context.to(x.dtype), frames, config.text_tokens, config.image_tokens_per_frame)
        embedding = self._embed(timesteps, fs, x.dtype).repeat_interleave(frames, dim=0)
        hidden = by_frames(x)
        skips: list[Tensor] = []
        for i, stage in enumerate(self.input_blocks):
            hidden = stage(hidden, embedding, parts, frames)
            if i == 0 and config.addition_attention:
                hidden = self.init_attn(hidden, embedding, parts, frames)
            skips.append(hidden)
        hidden = self.middle_block(hidden, embedding, parts, frames)
        for stage in self.output_blocks:
            hidden = stage(torch.cat([hidden, skips.pop()], dim=1), embedding, parts, frames)
        return by_clips(self.out(hidden), frames)

    def recompute_activations(self, share: float = 1.0) -> None:
        """Trade a second run of the first `share` of the stages in the backward pass for memory."""
        for stage in first([part for part in self.modules() if isinstance(part, Stage)], share):
            stage.recompute = True

    def _embed(self, timesteps: Tensor, fs: Tensor | None, dtype: torch.dtype) -> Tensor:
        """(B, 4·model_channels). Sinusoids are computed in float32 and rounded afterwards, at any precision."""
        base = self.config.model_channels
        embedding: Tensor = self.time_embed(_sinusoid(timesteps, base).to(dtype))
        if self.config.fs_condition:
            if fs is None:
                fs = torch.full_like(timesteps, self.config.default_fs)
            embedding = embedding + self.fps_embedding(_sinusoid(fs, base).to(dtype))
        return embedding

    def _input_blocks(self) -> tuple[nn.ModuleList, list[int]]:
        """The descending stages, and the widths of what they hand to the ascending ones."""
        config = self.config
        width = config.model_channels
        stages = [Stage([nn.Conv2d(config.in_channels, width, 3, padding=1)])]
        widths = [width]
        for level, multiplier in enumerate(config.channel_mult):
            for _ in range(config.num_res_blocks):
                block = self._residual(width, multiplier * config.model_channels)
                width = multiplier * config.model_channels
                stages.append(Stage([block, *self._transformers_at(width, 2**level)]))
                widths.append(width)
            if level < len(config.channel_mult) - 1:
                stages.append(Stage([Down(width)]))
                widths.append(width)
        return nn.ModuleList(stages), widths

    def _output_blocks(self, skips: list[int]) -> nn.ModuleList:
        """The ascending stages; `skips` is used up from its end."""
        config = self.config
        width = skips[-1]
        stages = []
        for level, multiplier in reversed(list(enumerate(config.channel_mult))):
            for i in range(config.num_res_blocks + 1):
                block = self._residual(width + skips.pop(), multiplier * config.model_channels)
                width = multiplier * config.model_channels
                last = level > 0 and i == config.num_res_blocks
                up = [Up(width)] if last else []
                stages.append(Stage([block, *self._transformers_at(width, 2**level), *up]))
        return nn.ModuleList(stages)

    def _residual(self, in_channels: int, out_channels: int) -> ResidualBlock:
        config = self.config
        embedding = 4 * config.model_channels
        return ResidualBlock(in_channels, out_channels, embedding, config.dropout, temporal=config.temporal_conv)

    def _transformers_at(self, width: int, factor: int) -> Iterable[nn.Module]:
        return self._transformers(width) if factor in self.config.attention_resolutions else ()

    def _transformers(self, width: int) -> Iterable[nn.Module]:
        """A spatial transformer, and a temporal one if the network has them."""
        config = self.config
        heads = width // config.num_head_channels
        if not heads:
            raise ValueError(f"heads of width {config.num_head_channels} do not fit into a block of width {width}")
        yield SpatialTransformer(
            width,
            heads,
            config.num_head_channels,
            config.transformer_depth,
            config.context_dim,
            linear=config.use_linear,
            image=config.image_cross_attention,
            learnable_scale=config.image_cross_attention_scale_learnable,
        )
        if config.temporal_attention:
            yield TemporalTransformer(
                width, heads, config.num_head_channels, config.transformer_depth, linear=config.use_linear
            )


def _sinusoid(values: Tensor, width: int) -> Tensor:
    """(B,) to (B, width) float32: cosines, then sines, at frequencies 10000^(-2i/width)."""
    table: Tensor = get_timestep_embedding(values, width, flip_sin_to_cos=True, downscale_freq_shift=0)
    return table


def _embedding(in_features: int, out_features: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(in_features, out_features), nn.SiLU(), nn.Linear(out_features, out_features))
