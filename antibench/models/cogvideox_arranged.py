"""CogVideoX put together as its settings want it to compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from diffusers import CogVideoXImageToVideoPipeline

from antibench.models.arranged import cheapen_gelu, compile_blocks, prefer_cudnn_attention, recompute_some
from antibench.models.cogvideox import CogVideoX, CogVideoXSettings
from antibench.models.float8 import float8_linears
from antibench.models.single_frame import compile_single_frames, fold_single_frames

if TYPE_CHECKING:
    from antibench.models.specs import CogVideoX5BI2V


def arranged_cogvideox(pipe: CogVideoXImageToVideoPipeline, spec: CogVideoX5BI2V, **sampling: Any) -> CogVideoX:
    """The model around a loaded pipeline; `sampling` are fields of `CogVideoXSettings`."""
    blocks = list(pipe.transformer.transformer_blocks)
    fold_single_frames(pipe.vae)
    if spec.float8:
        float8_linears(blocks)
    if spec.compiled:
        cheapen_gelu(blocks)
        compile_blocks(blocks)
        if not spec.low_memory:  # which runs the VAE's blocks again in parts
            compile_single_frames(pipe.vae)
    if spec.attention == "cudnn":
        prefer_cudnn_attention(blocks)
    recompute_some(pipe.transformer, spec.recomputed)
    if spec.low_memory:
        pipe.vae.enable_gradient_checkpointing()
    settings = CogVideoXSettings(
        size=spec.size, frames=spec.frames, tile_decoder=True, tile_clips=spec.low_memory, **sampling
    )
    return CogVideoX(pipe, settings, spec)
