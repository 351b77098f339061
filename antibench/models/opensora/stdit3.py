"""STDiT3, the denoiser of Open-Sora 1.2: spatial and temporal transformer blocks in turn, over patches of a latent.

The numbers of its two lists of blocks are the checkpoint's parameter names and the names of its feature layers.

Source: Zheng et al. 2024 (arXiv 2412.20404), section 4, and the project's report on version 1.2.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from antibench.models.arranged import first
from antibench.models.opensora.blocks import Block, FinalLayer
from antibench.models.opensora.config import STDiT3Config
from antibench.models.opensora.embeddings import CaptionEmbedding, NumberEmbedding, PatchEmbedding, PositionTable
from antibench.models.opensora.rotary import RotaryEmbedding


class STDiT3(nn.Module):
    """Predicts the velocity from noise to clip, given a caption's tokens and which frames are clean.

    Differentiable in latents and text.
    """

    def __init__(self, config: STDiT3Config) -> None:
        """Build the network, with fresh weights."""
        super().__init__()
        self.config = config
        width, heads = config.hidden_size, config.num_heads
        patch = config.patch_size[1] * config.patch_size[2]
        self.rope = RotaryEmbedding(width // heads)
        self.x_embedder = PatchEmbedding(config.patch_size, config.in_channels, width)
        self.pos_embed = PositionTable(width)
        self.t_embedder = NumberEmbedding(width)
        self.fps_embedder = NumberEmbedding(width)
        self.t_block = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))
        self.y_embedder = CaptionEmbedding(config.caption_channels, width, config.model_max_length)
        self.spatial_blocks = nn.ModuleList(self._block(temporal=False) for _ in range(config.depth))
        self.temporal_blocks = nn.ModuleList(self._block(temporal=True) for _ in range(config.depth))
        self.final_layer = FinalLayer(width, patch * config.out_channels)

    def forward(
        self,
        x: Tensor,
        timestep: Tensor,
        y: Tensor,
        mask: Tensor | None = None,
        x_mask: Tensor | None = None,
        *,
        fps: Tensor,
        height: Tensor | float,
        width: Tensor | float,
    ) -> Tensor:
        """One prediction.

        Args:
            x: (B, in_channels, T, h, w) latents of any size; filled up with zeros to whole patches.
            timestep: (B,) noise level in [0, 1000], rounded to the type of the weights.
            y: (B, 1, L, caption_channels) text tokens.
            mask: (B, L), 1 for the text tokens there are: the others are dropped. Fewer rows are repeated for all of
                the batch, so that both halves of guidance read equally many tokens. None: all are read.
            x_mask: (B, T) bool, False for clean frames, which are taken to be at level 0. None: there are none.
            fps: (B,) frames per second.
            height: Of the clip in pixels: a number, or (B,) of which the first counts and is read back.
            width: (B,) likewise.

        Returns:
            (B, out_channels, T, h, w): the velocity in the first `in_channels` channels. What it says of clean frames
            has no meaning.

        Raises:
            ValueError: if the rows of `mask` do not divide the batch.
        """
        dtype = self.x_embedder.proj.weight.dtype
        rows, columns = self._patches(x)
        frames = x.shape[2]
        noised, clean = self._levels(timestep.to(dtype), fps.to(dtype), x_mask is not None)
        level = self._by_frame(noised, clean, x_mask)
        text, kept = self.y_embedder(y.to(dtype)).squeeze(1), _kept(mask, x.shape[0])
        filled = F.pad(x.to(dtype), (0, columns * self._patch[1] - x.shape[4], 0, rows * self._patch[0] - x.shape[3]))
        scale = _number(height) * _number(width)
        table = self.pos_embed(rows, columns, scale**0.5 / self.config.input_sq_size, dtype, x.device)
        tokens = self.x_embedder(filled) + table.repeat(1, frames, 1)
        for block in self.blocks():
            tokens = block(tokens, text, kept, level, frames, self.rope)
        out = self.final_layer(tokens, noised, clean, x_mask)
        return self._unpatched(out, frames, rows, columns)[..., : x.shape[3], : x.shape[4]]

    def blocks(self) -> Iterator[Block]:
        """In the order they run."""
        for pair in zip(self.spatial_blocks, self.temporal_blocks, strict=True):
            for block in pair:
                assert isinstance(block, Block)
                yield block

    def recompute_activations(self, share: float = 1.0) -> None:
        """Trade a second run of the first `share` of the blocks in the backward pass for memory."""
        for block in first(list(self.blocks()), share):
            block.recompute = True

    @property
    def _patch(self) -> tuple[int, int]:
        return self.config.patch_size[1:]

    def _patches(self, x: Tensor) -> tuple[int, int]:
        """Patches from top to bottom and from left to right, the last ones perhaps not whole."""
        return -(-x.shape[3] // self._patch[0]), -(-x.shape[4] // self._patch[1])

    def _levels(self, timestep: Tensor, fps: Tensor, masked: bool) -> tuple[Tensor, Tensor | None]:
        """Embeddings (B, width) of the noise level and, if frames are masked, of level 0; both with the fps."""
        speed = self.fps_embedder(fps, fps.dtype)
        # Level 0 first, so that a hook on these modules is left with the level itself.
        clean = self.t_embedder(torch.zeros_like(timestep), fps.dtype) + speed if masked else None
        return self.t_embedder(timestep, fps.dtype) + speed, clean

    def _by_frame(self, noised: Tensor, clean: Tensor | None, x_mask: Tensor | None) -> Tensor:
        """What modulates the blocks: (B, T, 6, width), or (B, 1, 6, width) without a mask."""
        at_zero = None if clean is None else self.t_block(clean)[:, None]
        level: Tensor = self.t_block(noised)[:, None]
        if at_zero is not None and x_mask is not None:
            level = torch.where(x_mask[:, :, None], level, at_zero)
        return level.reshape(*level.shape[:2], 6, -1)

    def _unpatched(self, tokens: Tensor, frames: int, rows: int, columns: int) -> Tensor:
        """(B, T·S, patch row · patch column · channel) to (B, C, T, H, W)."""
        parts = tokens.reshape(tokens.shape[0], frames, rows, columns, *self._patch, -1)
        return parts.permute(0, 6, 1, 2, 4, 3, 5).flatten(5, 6).flatten(3, 4)

    def _block(self, *, temporal: bool) -> Block:
        config = self.config
        return Block(
            config.hidden_size, config.num_heads, config.mlp_ratio, temporal=temporal, normalised=config.qk_norm
        )


def _number(told: Tensor | float) -> float:
    return float(told[0]) if isinstance(told, Tensor) else float(told)


def _kept(mask: Tensor | None, batch: int) -> Tensor | None:
    """A text mask as (B, L) bool."""
    if mask is None:
        return None
    if batch % mask.shape[0]:
        raise ValueError(f"a text mask of {mask.shape[0]} rows for a batch of {batch}")
    return mask.bool().repeat(batch // mask.shape[0], 1)
