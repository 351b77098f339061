"""The denoiser's attentions across frames as maps."""

from __future__ import annotations

from torch import Tensor, nn

from antibench.models.attention_maps import FrameAttention
from antibench.models.opensora.blocks import Block, modulated, of_frames
from antibench.models.opensora.rotary import RotaryEmbedding
from antibench.models.opensora.stdit3 import STDiT3


def temporal_attentions(denoiser: STDiT3) -> dict[str, FrameAttention]:
    """Of the temporal blocks, in the order they run."""
    blocks = enumerate(denoiser.temporal_blocks)
    return {f"temporal_blocks.{i}.attn": FrameAttention(block, _temporal) for i, block in blocks}


def _temporal(
    block: Block,
    rows: int,
    tokens: Tensor,
    text: Tensor,
    kept: Tensor | None,
    level: Tensor,
    frames: int,
    rotary: RotaryEmbedding,
) -> tuple[Tensor, Tensor]:
    """Queries and keys from a block's inputs (`Block.forward`)."""
    del rows, text, kept
    attention = block.attn
    shift, scale = (level + block.scale_shift_table).unbind(2)[:2]
    clips = of_frames(modulated(tokens, shift, scale), frames)

    def average(part: Tensor, norm: nn.Module) -> Tensor:
        heads = part.reshape(*part.shape[:3], attention.heads, -1).permute(0, 2, 3, 1, 4)  # (B, S, heads, T, d)
        placed: Tensor = rotary(norm(heads).flatten(0, 1))
        return placed.float().reshape(heads.shape).mean(1)

    queries, keys, _ = attention.qkv(clips).chunk(3, dim=-1)
    return average(queries, attention.q_norm), average(keys, attention.k_norm)
