"""Transformers of the U-Net: over the pixels of a frame, and over the frames at a pixel."""

from __future__ import annotations

from typing import TypeVar

from diffusers.models.attention import FeedForward
from torch import Tensor, nn
from torch.nn import functional as F

from antibench.models.dynamicrafter.attention import CrossAttention, SelfAttention
from antibench.models.dynamicrafter.context import Context

Layer = TypeVar("Layer", bound=nn.Module)

GROUPS = 32
EPS = 1e-6
"""Of the normalisation at a transformer's entry; those of the residual blocks have 1e-5."""


class SpatialBlock(nn.Module):
    """Self-attention over pixels, cross-attention to the context, GEGLU; each after a LayerNorm, each added."""

    def __init__(self, width: int, heads: int, context_width: int, *, image: bool, learnable_scale: bool) -> None:
        super().__init__()
        self.attn1 = SelfAttention(width, heads)
        self.attn2 = CrossAttention(width, heads, context_width, image=image, learnable_scale=learnable_scale)
        self.ff = FeedForward(width, activation_fn="geglu")
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.norm3 = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, context: Context) -> Tensor:
        """(B·T, h·w, width) to the same shape."""
        tokens = tokens + self.attn1(self.norm1(tokens))
        tokens = tokens + self.attn2(self.norm2(tokens), context)
        fed: Tensor = tokens + self.ff(self.norm3(tokens))
        return fed


class TemporalBlock(nn.Module):
    """Self-attention over frames twice, then GEGLU; each after a LayerNorm, each added."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn1 = SelfAttention(width, heads)
        self.attn2 = SelfAttention(width, heads)
        self.ff = FeedForward(width, activation_fn="geglu")
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.norm3 = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B·h·w, T, width) to the same shape."""
        tokens = tokens + self.attn1(self.norm1(tokens))
        tokens = tokens + self.attn2(self.norm2(tokens))
        fed: Tensor = tokens + self.ff(self.norm3(tokens))
        return fed


class Pointwise(nn.Linear):
    """A linear layer whose weight is saved in the shape of a convolution of width 1: (out, in, 1 ...)."""

    def __init__(self, in_features: int, out_features: int, axes: int) -> None:
        """`axes`: how many axes the convolution would run over."""
        super().__init__(in_features, out_features)
        self.weight = nn.Parameter(self.weight.detach().reshape(out_features, in_features, *(1,) * axes))

    def forward(self, tokens: Tensor) -> Tensor:
        """(N, L, in_features) to (N, L, out_features)."""
        return F.linear(tokens, self.weight.flatten(1), self.bias)


class SpatialTransformer(nn.Module):
    """Blocks over the pixels of each frame, between two projections; added to the input."""

    def __init__(
        self,
        channels: int,
        heads: int,
        head_width: int,
        depth: int,
        context_width: int,
        *,
        linear: bool,
        image: bool,
        learnable_scale: bool,
    ) -> None:
        super().__init__()
        width = heads * head_width
        self.norm = nn.GroupNorm(GROUPS, channels, eps=EPS)
        self.proj_in = _projection(channels, width, linear, axes=2)
        self.transformer_blocks = nn.ModuleList(
            SpatialBlock(width, heads, context_width, image=image, learnable_scale=learnable_scale)
            for _ in range(depth)
        )
        self.proj_out = silenced(_projection(width, channels, linear, axes=2))

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """(B·T, channels, h, w) to the same shape."""
        tokens = self.proj_in(self.norm(x).flatten(2).transpose(1, 2))
        for block in self.transformer_blocks:
            tokens = block(tokens, context)
        out: Tensor = self.proj_out(tokens)
        return x + out.transpose(1, 2).reshape(x.shape)


class TemporalTransformer(nn.Module):
    """Blocks over the frames at each pixel, between two projections; added to the input. Frames have no positions."""

    def __init__(self, channels: int, heads: int, head_width: int, depth: int, *, linear: bool) -> None:
        super().__init__()
        width = heads * head_width
        self.norm = nn.GroupNorm(GROUPS, channels, eps=EPS)
        self.proj_in = _projection(channels, width, linear, axes=1)
        self.transformer_blocks = nn.ModuleList(TemporalBlock(width, heads) for _ in range(depth))
        self.proj_out = silenced(_projection(width, channels, linear, axes=1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, T, h, w) to the same shape."""
        batch, channels, frames, height, width = x.shape
        tokens = self.proj_in(self.norm(x).permute(0, 3, 4, 2, 1).reshape(-1, frames, channels))
        for block in self.transformer_blocks:
            tokens = block(tokens)
        out: Tensor = self.proj_out(tokens)
        return x + out.reshape(batch, height, width, frames, channels).permute(0, 4, 3, 1, 2)


def silenced(layer: Layer) -> Layer:
    """The layer with all parameters zero, so that a fresh network starts with this residual branch off."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def _projection(in_features: int, out_features: int, linear: bool, axes: int) -> nn.Module:
    return nn.Linear(in_features, out_features) if linear else Pointwise(in_features, out_features, axes)
