"""Multi-head attention of the denoiser: among the tokens of a frame or the frames at a place, and to the text."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from antibench.models.opensora.rotary import RotaryEmbedding

EPS = 1e-6


class RMSNorm(nn.Module):
    """Divides by the root mean square over the last axis, computed in float32 or longer, and weighs channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) to the same shape."""
        long = x.to(torch.promote_types(x.dtype, torch.float32))
        scaled = long * torch.rsqrt(long.square().mean(-1, keepdim=True) + EPS)
        return self.weight * scaled.to(x.dtype)


class SelfAttention(nn.Module):
    """Attention among the tokens of each row, scaled by 1/sqrt(head width); not causal."""

    def __init__(self, width: int, heads: int, *, normalised: bool) -> None:
        """`normalised`: whether queries and keys go through an RMS norm of their own."""
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.q_norm = RMSNorm(width // heads) if normalised else nn.Identity()
        self.k_norm = RMSNorm(width // heads) if normalised else nn.Identity()
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor, rotary: RotaryEmbedding | None = None) -> Tensor:
        """(N, L, width) to the same shape; `rotary` gives queries and keys their positions after the norm."""
        query, key, value = (_by_heads(part, self.heads) for part in self.qkv(tokens).chunk(3, dim=-1))
        query, key = self.q_norm(query), self.k_norm(key)
        if rotary is not None:
            query, key = rotary(query), rotary(key)
        mixed = F.scaled_dot_product_attention(query, key, value)
        projected: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return projected


class CrossAttention(nn.Module):
    """Attention of all tokens of a clip to its text."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_linear = nn.Linear(width, width)
        self.kv_linear = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor, text: Tensor, kept: Tensor | None) -> Tensor:
        """One reading of the text.

        Args:
            tokens: (B, N, width).
            text: (B, L, width).
            kept: (B, L) bool, which text tokens there are; the others are as if left out. None: all.

        Returns:
            (B, N, width).
        """
        query = _by_heads(self.q_linear(tokens), self.heads)
        key, value = (_by_heads(part, self.heads) for part in self.kv_linear(text).chunk(2, dim=-1))
        mask = None if kept is None else kept[:, None, None]
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        projected: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return projected


def _by_heads(x: Tensor, heads: int) -> Tensor:
    """(N, L, heads·d) to (N, heads, L, d)."""
    return x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)
