"""The image projector: learned queries read the image encoder's tokens and become image tokens of every frame.

Source: the Perceiver resampler of Alayrac et al. 2022, "Flamingo" (arXiv 2204.14198), section 3.1.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from antibench.models.dynamicrafter.attention import attend
from antibench.models.dynamicrafter.config import ResamplerConfig


class ResamplerAttention(nn.Module):
    """Queries attend to the image's tokens and to themselves."""

    def __init__(self, width: int, heads: int, head_width: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.to_q = nn.Linear(width, heads * head_width, bias=False)
        self.to_kv = nn.Linear(width, 2 * heads * head_width, bias=False)
        self.to_out = nn.Linear(heads * head_width, width, bias=False)

    def forward(self, image: Tensor, queries: Tensor) -> Tensor:
        """(B, K, width) image tokens and (B, Q, width) queries to (B, Q, width)."""
        image, queries = self.norm1(image), self.norm2(queries)
        key, value = self.to_kv(torch.cat([image, queries], dim=1)).chunk(2, dim=-1)
        read: Tensor = self.to_out(attend(self.to_q(queries), key, value, self.heads))
        return read


class Resampler(nn.Module):
    """Image encoder tokens to image tokens for the U-Net's cross-attention, `num_queries` for each frame."""

    def __init__(self, config: ResamplerConfig) -> None:
        super().__init__()
        width = config.dim
        self.latents = nn.Parameter(torch.randn(1, config.num_queries * config.video_length, width) / width**0.5)
        self.proj_in = nn.Linear(config.embedding_dim, width)
        self.proj_out = nn.Linear(width, config.output_dim)
        self.norm_out = nn.LayerNorm(config.output_dim)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [ResamplerAttention(width, config.heads, config.dim_head), _feed_forward(width, config.ff_mult)]
            )
            for _ in range(config.depth)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, K, embedding_dim) to (B, video_length · num_queries, output_dim), the queries of a frame adjacent."""
        queries = self.latents.expand(tokens.shape[0], -1, -1)
        image = self.proj_in(tokens)
        for layer in self.layers:
            attention, feed_forward = cast(nn.ModuleList, layer)
            queries = queries + attention(image, queries)
            queries = queries + feed_forward(queries)
        projected: Tensor = self.norm_out(self.proj_out(queries))
        return projected


def _feed_forward(width: int, factor: int) -> nn.Sequential:
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, factor * width, bias=False),
        nn.GELU(),
        nn.Linear(factor * width, width, bias=False),
    )
