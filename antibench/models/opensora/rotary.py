"""Rotary positions of frames.

Source: Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding" (arXiv 2104.09864), section 3.2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

BASE = 10000.0


class RotaryEmbedding(nn.Module):
    """Rotates pairs of adjacent channels by the frame's number times a frequency of the pair."""

    def __init__(self, width: int) -> None:
        """`width`: of a head; even. The frequencies are saved with the weights but not trained."""
        super().__init__()
        frequencies = 1 / BASE ** (torch.arange(0, width, 2) / width)
        self.freqs = nn.Parameter(frequencies, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, heads, T, width) queries or keys to the same shape; computed in float32 or longer."""
        long = torch.promote_types(x.dtype, torch.float32)
        frames = torch.arange(x.shape[2], device=x.device).to(long)
        angles = (frames[:, None] * self.freqs.to(long)).repeat_interleave(2, dim=-1)
        pairs = x.to(long).reshape(*x.shape[:-1], -1, 2)
        turned = torch.stack([-pairs[..., 1], pairs[..., 0]], dim=-1).flatten(-2)
        return (x.to(long) * angles.cos() + turned * angles.sin()).to(x.dtype)
