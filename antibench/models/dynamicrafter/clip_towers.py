"""The text and the image tower of OpenCLIP, each without the other half, under the checkpoints' parameter names.

Source: Radford et al. 2021 (arXiv 2103.00020); the weights are those of OpenCLIP's ViT-H/14 (Cherti et al. 2022,
arXiv 2212.07143).
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import torch
from open_clip import CLIP, CLIPTextCfg, CLIPVisionCfg
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor, nn

from antibench.models.dynamicrafter.clip_pixels import clip_pixels
from antibench.models.dynamicrafter.config import ClipConfig


class TextTower(nn.Module):
    """Prompts to text tokens: the last block but one, normalised, neither pooled nor projected."""

    def __init__(self, config: ClipConfig) -> None:
        super().__init__()
        vision = config.vision.model_copy(update={"layers": 1})
        self.model = _clip(config.model_copy(update={"vision": vision}))
        del self.model.visual, self.model.attn_mask
        self.context_length = config.text.context_length

    def tokenize(self, prompts: list[str]) -> Tensor:
        """(B, context_length) int64: start, tokens of the prompt, end, zeros; a longer prompt is cut."""
        return cast(Tensor, _tokenizer()(prompts, context_length=self.context_length))

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L) token numbers to (B, L, width)."""
        embedded = self.model.token_embedding(tokens) + self.model.positional_embedding
        causal = embedded.new_full((tokens.shape[1], tokens.shape[1]), float("-inf")).triu(1)
        last_but_one = len(self.model.transformer.resblocks) - 2
        hidden, _ = self.model.transformer.forward_intermediates(
            embedded, attn_mask=causal, indices=[last_but_one], stop_early=True
        )
        return cast(Tensor, self.model.ln_final(hidden))


class ImageTower(nn.Module):
    """Pictures to image tokens: all tokens of the last block, the class token first, neither normalised nor projected.

    It carries parameters of the text half that nothing uses, because the checkpoints do.
    """

    def __init__(self, config: ClipConfig) -> None:
        super().__init__()
        text = config.text.model_copy(update={"layers": 1})
        self.model = _clip(config.model_copy(update={"text": text}))
        del self.model.transformer, self.model.attn_mask
        self.image_size = config.vision.image_size

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1], any size, to (B, 1 + patches, width); differentiable."""
        return self.tokens(clip_pixels(pixels, self.image_size))

    def tokens(self, pixels: Tensor) -> Tensor:
        """(B, 3, image_size, image_size) as `clip_pixels` gives them, to (B, 1 + patches, width)."""
        seen: dict[str, Any] = self.model.visual.forward_intermediates(
            pixels, indices=1, intermediates_only=True, output_fmt="NLC", output_extra_tokens=True
        )
        return torch.cat([seen["image_intermediates_prefix"][0], seen["image_intermediates"][0]], dim=1)


@cache
def _tokenizer() -> SimpleTokenizer:
    """Its vocabulary takes a moment to unpack."""
    return SimpleTokenizer()


def _clip(config: ClipConfig) -> CLIP:
    return CLIP(config.embed_dim, CLIPVisionCfg(**config.vision.model_dump()), CLIPTextCfg(**config.text.model_dump()))
