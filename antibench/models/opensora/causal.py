"""Convolutions that see no later frame, and the residual block made of them.

Source: Yu et al. 2024, "Language Model Beats Diffusion: Tokenizer is Key to Visual Generation" (arXiv 2310.05737),
section 3.1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPS = 1e-5


class CausalConv(nn.Module):
    """A convolution over frames, rows and columns; zeros stand before the first frame and around each frame."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, *, time_stride: int = 1, bias: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv3d(channels_in, channels_out, kernel, stride=(time_stride, 1, 1), bias=bias)
        around, before = kernel // 2, kernel - time_stride
        self._padding = (around, around, around, around, before, 0)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) to (B, C', T / stride, H, W), T being a multiple of the stride."""
        out: Tensor = self.conv(F.pad(x, self._padding))
        return out


class ResidualBlock(nn.Module):
    """Two convolutions, each after a group norm over frames and places together and a SiLU; added to the input."""

    def __init__(self, channels_in: int, channels_out: int, groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, channels_in, eps=EPS)
        self.conv1 = CausalConv(channels_in, channels_out, 3, bias=False)
        self.norm2 = nn.GroupNorm(groups, channels_out, eps=EPS)
        self.conv2 = CausalConv(channels_out, channels_out, 3, bias=False)
        if channels_in != channels_out:
            self.conv3 = CausalConv(channels_in, channels_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) to (B, C', T, H, W)."""
        hidden = self.conv1(F.silu(self.norm1(x)))
        hidden = self.conv2(F.silu(self.norm2(hidden)))
        kept = self.conv3(x) if hasattr(self, "conv3") else x
        added: Tensor = kept + hidden
        return added


def interleaved(x: Tensor) -> Tensor:
    """(B, 2·C, T, H, W) to (B, C, 2·T, H, W): channel 2c + s of frame t is channel c of frame 2t + s."""
    pairs = x.reshape(x.shape[0], -1, 2, *x.shape[2:])
    return torch.movedim(pairs, 2, 3).flatten(2, 3)
