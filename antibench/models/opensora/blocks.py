"""The blocks of the denoiser, and its last layer: their activations are shifted, scaled and gated by the noise level.

Source: Peebles and Xie 2023, "Scalable Diffusion Models with Transformers" (arXiv 2212.09748), section 3.2 (adaLN).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from antibench.models.opensora.attention import CrossAttention, SelfAttention
from antibench.models.opensora.embeddings import FeedForward
from antibench.models.opensora.rotary import RotaryEmbedding

EPS = 1e-6


class Block(nn.Module):
    """Self-attention within frames or across them, cross-attention to the text, two layers; each is added."""

    recompute = False
    """Keep no activations for the backward pass but run again in it: less memory, the same numbers."""

    def __init__(self, width: int, heads: int, mlp_ratio: float, *, temporal: bool, normalised: bool) -> None:
        """`temporal`: attend across the frames at a place. `normalised`: whether queries and keys are."""
        super().__init__()
        self.temporal = temporal
        self.attn = SelfAttention(width, heads, normalised=normalised)
        self.cross_attn = CrossAttention(width, heads)
        self.mlp = FeedForward(width, int(width * mlp_ratio), width)
        self.scale_shift_table = nn.Parameter(torch.randn(6, width) / width**0.5)

    def forward(
        self, tokens: Tensor, text: Tensor, kept: Tensor | None, level: Tensor, frames: int, rotary: RotaryEmbedding
    ) -> Tensor:
        """One block.

        Args:
            tokens: (B, T·S, width), frame by frame.
            text: (B, L, width).
            kept: (B, L) bool, which text tokens there are; None: all.
            level: (B, T, 6, width), or (B, 1, 6, width) for frames of one level: shift, scale and gate of the
                attention, then of the two layers; without the block's own share.
            frames: T.
            rotary: Positions of frames; spatial blocks have none.

        Returns:
            (B, T·S, width).
        """
        if self.recompute and torch.is_grad_enabled():
            again: Tensor = checkpoint(self._run, tokens, text, kept, level, frames, rotary, use_reentrant=False)
            return again
        return self._run(tokens, text, kept, level, frames, rotary)

    def _run(
        self, tokens: Tensor, text: Tensor, kept: Tensor | None, level: Tensor, frames: int, rotary: RotaryEmbedding
    ) -> Tensor:
        shift, scale, gate, mlp_shift, mlp_scale, mlp_gate = (level + self.scale_shift_table).unbind(2)
        mixed = self._attend(modulated(tokens, shift, scale), frames, rotary)
        tokens = tokens + gated(mixed, gate)
        tokens = tokens + self.cross_attn(tokens, text, kept)
        fed = self.mlp(modulated(tokens, mlp_shift, mlp_scale))
        return tokens + gated(fed, mlp_gate)

    def _attend(self, tokens: Tensor, frames: int, rotary: RotaryEmbedding) -> Tensor:
        batch = tokens.shape[0]
        clips = of_frames(tokens, frames)
        if not self.temporal:
            mixed: Tensor = self.attn(clips.flatten(0, 1))
            return mixed.reshape(tokens.shape)
        mixed = self.attn(clips.transpose(1, 2).flatten(0, 1), rotary)
        return mixed.reshape(batch, -1, *mixed.shape[1:]).transpose(1, 2).flatten(1, 2)


class FinalLayer(nn.Module):
    """Tokens to the channels of their patches."""

    def __init__(self, width: int, channels: int) -> None:
        """`channels`: of a whole patch."""
        super().__init__()
        self.linear = nn.Linear(width, channels)
        self.scale_shift_table = nn.Parameter(torch.randn(2, width) / width**0.5)

    def forward(self, tokens: Tensor, noised: Tensor, clean: Tensor | None, active: Tensor | None) -> Tensor:
        """(B, T·S, width) to (B, T·S, channels).

        Args:
            tokens: Of the last block.
            noised: (B, width), embedding of the noise level.
            clean: (B, width), that of level 0; None with `active`.
            active: (B, T) bool, the frames at the noise level; None: all.
        """
        out = modulated(tokens, *self._shift_and_scale(noised))
        if active is not None and clean is not None:
            # As in the original: a clean frame is modulated by level 0 on top of the clip's own level.
            twice = modulated(out, *self._shift_and_scale(clean))
            frames = active.shape[1]
            chosen = torch.where(active[:, :, None, None], of_frames(out, frames), of_frames(twice, frames))
            out = chosen.flatten(1, 2)
        projected: Tensor = self.linear(out)
        return projected

    def _shift_and_scale(self, level: Tensor) -> tuple[Tensor, Tensor]:
        shift, scale = (self.scale_shift_table + level[:, None]).chunk(2, dim=1)
        return shift, scale


def modulated(tokens: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Normalise (B, T·S, width) over the width, scale by 1 + `scale`, shift; both (B, T, width) or (B, 1, width)."""
    normal = of_frames(F.layer_norm(tokens, tokens.shape[-1:], eps=EPS), shift.shape[1])
    return (normal * (1 + scale[:, :, None]) + shift[:, :, None]).flatten(1, 2)


def gated(tokens: Tensor, gate: Tensor) -> Tensor:
    """(B, T·S, width) times (B, T, width) or (B, 1, width)."""
    return (of_frames(tokens, gate.shape[1]) * gate[:, :, None]).flatten(1, 2)


def of_frames(tokens: Tensor, frames: int) -> Tensor:
    """(B, T·S, width) to (B, T, S, width)."""
    return tokens.reshape(tokens.shape[0], frames, -1, tokens.shape[-1])
