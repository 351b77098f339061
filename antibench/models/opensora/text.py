"""The text encoder: T5, of whose tokens the denoiser reads those that are not padding.

Source: Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer" (arXiv
1910.10683); version 1.1 of its encoder, as transformers has it.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, cast

import torch
from torch import Tensor, nn


class Text(NamedTuple):
    """Captions as the denoiser takes them.

    Attributes:
        tokens: (B, 1, L, C).
        mask: (B, L) integers, 1 for tokens of the caption, its end included, 0 for padding.
    """

    tokens: Tensor
    mask: Tensor


class TextEncoder(Protocol):
    """What reads captions: `T5Text`, or a small model's counterpart."""

    length: int
    """Tokens of a caption, padding included."""

    def __call__(self, prompts: list[str]) -> Text:
        """Captions, already cleaned, to tokens."""
        ...


class T5Text(nn.Module):
    """Captions, already cleaned, to tokens of a fixed number."""

    def __init__(self, tokenizer: Any, encoder: nn.Module, length: int) -> None:
        """Take over a tokenizer and a `T5EncoderModel` of transformers; captions are cut and padded to `length`."""
        super().__init__()
        self.tokenizer = tokenizer
        self.encoder = encoder
        self.length = length

    @torch.no_grad()
    def forward(self, prompts: list[str]) -> Text:
        """The last hidden states; padding is neither read nor written."""
        given = self.tokenizer(
            prompts, max_length=self.length, padding="max_length", truncation=True, return_tensors="pt"
        )
        device = next(self.encoder.parameters()).device
        ids, mask = given["input_ids"].to(device), given["attention_mask"].to(device)
        hidden = cast(Tensor, self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state)
        return Text(hidden[:, None], mask)
