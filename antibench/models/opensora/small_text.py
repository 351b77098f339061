"""The text encoder of an embedded Open-Sora: the zoo's caption encoder where T5 stands."""

from __future__ import annotations

import torch
from torch import nn

from antibench.models.opensora.text import Text
from antibench.zoo.motion import CAPTION_LENGTH
from antibench.zoo.networks import CaptionEncoder


class CaptionText(nn.Module):
    """Captions to tokens, all of which are read: places without a word have learned vectors too."""

    length = CAPTION_LENGTH

    def __init__(self, captions: CaptionEncoder) -> None:
        super().__init__()
        self.captions = captions

    @torch.no_grad()
    def forward(self, prompts: list[str]) -> Text:
        """Tokens (B, 1, 12, C) and a mask of ones."""
        tokens = self.captions(prompts)
        mask = torch.ones(tokens.shape[:2], dtype=torch.long, device=tokens.device)
        return Text(tokens[:, None], mask)
