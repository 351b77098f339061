"""Multi-head attention of the U-Net's transformers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from antibench.models.dynamicrafter.context import Context


class SelfAttention(nn.Module):
    """Attention among the tokens of each row, scaled by 1/sqrt(head width)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(width, width, bias=False)
        self.to_v = nn.Linear(width, width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """(N, L, width) to the same shape."""
        mixed = attend(self.to_q(tokens), self.to_k(tokens), self.to_v(tokens), self.heads)
        projected: Tensor = self.to_out(mixed)
        return projected


class CrossAttention(nn.Module):
    """One query, two attentions: over text tokens and over image tokens, each with its own softmax; they are added."""

    def __init__(self, width: int, heads: int, context_width: int, *, image: bool, learnable_scale: bool) -> None:
        """`image`: whether image tokens are read; without, only the text is."""
        super().__init__()
        self.heads = heads
        self.image = image
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context_width, width, bias=False)
        self.to_v = nn.Linear(context_width, width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(width, width))
        if image:
            self.to_k_ip = nn.Linear(context_width, width, bias=False)
            self.to_v_ip = nn.Linear(context_width, width, bias=False)
        self.alpha = nn.Parameter(torch.zeros(())) if image and learnable_scale else None

    def forward(self, tokens: Tensor, context: Context) -> Tensor:
        """(B·T, L, width), frames of a clip adjacent, to the same shape."""
        query = self.to_q(tokens)
        mixed = _by_rows(query, self.to_k(context.text), self.to_v(context.text), self.heads)
        if self.image:
            of_image = _by_rows(query, self.to_k_ip(context.image), self.to_v_ip(context.image), self.heads)
            mixed = mixed + (of_image if self.alpha is None else of_image * (torch.tanh(self.alpha) + 1))
        projected: Tensor = self.to_out(mixed)
        return projected


def attend(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """softmax(q k^T / sqrt(d)) v for (N, L, heads·d) and (N, K, heads·d): (N, L, heads·d)."""
    query, key, value = (part.reshape(*part.shape[:2], heads, -1).transpose(1, 2) for part in (query, key, value))
    return F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)


def _by_rows(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """Attention where a row of keys may serve several adjacent rows of queries, so that it is projected only once."""
    if key.shape[1] == 0:
        return torch.zeros_like(query)
    rows = query.reshape(key.shape[0], -1, query.shape[-1])
    return attend(rows, key, value, heads).reshape(query.shape)
