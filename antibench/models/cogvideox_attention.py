"""The attentions of CogVideoX, over text and video together, as maps across frames."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from diffusers.models.embeddings import apply_rotary_emb
from torch import Tensor, nn

from antibench.models.attention_maps import FrameAttention


def joint_attentions(blocks: Mapping[str, nn.Module], frames: int) -> dict[str, FrameAttention]:
    """One for each block; `frames` is the number of frames that the video tokens are of."""
    return {f"{name}.attn1": FrameAttention(block, partial(_video, frames=frames)) for name, block in blocks.items()}


def _video(
    block: Any,
    rows: int,
    hidden_states: Tensor,
    encoder_hidden_states: Tensor,
    temb: Tensor,
    image_rotary_emb: tuple[Tensor, Tensor] | None = None,
    attention_kwargs: dict[str, Any] | None = None,
    *,
    frames: int,
) -> tuple[Tensor, Tensor]:
    """Queries and keys of the video tokens, (rows, T x places, width) frame by frame, from a block's inputs."""
    del rows, attention_kwargs
    attention = block.attn1
    normal = block.norm1(hidden_states, encoder_hidden_states, temb)[0]

    def average(project: Any, norm: Any) -> Tensor:
        heads = project(normal).reshape(*normal.shape[:2], attention.heads, -1).transpose(1, 2)
        heads = heads if norm is None else norm(heads)
        placed = heads if image_rotary_emb is None else apply_rotary_emb(heads, image_rotary_emb)
        mean: Tensor = placed.float().reshape(*placed.shape[:2], frames, -1, placed.shape[-1]).mean(3)
        return mean

    return average(attention.to_q, attention.norm_q), average(attention.to_k, attention.norm_k)
