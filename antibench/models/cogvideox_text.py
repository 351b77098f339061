"""CogVideoX with a text encoder of one's own."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import CogVideoXImageToVideoPipeline


class CaptionPipeline(CogVideoXImageToVideoPipeline):  # type: ignore[misc]
    """The pipeline with a text encoder that takes captions, in the place of tokenizer and T5.

    The encoder takes a list of B strings and returns (B, L, D), L being the transformer's text length. The empty string
    is the text of the unconditional branch.
    """

    def _get_t5_prompt_embeds(
        self, prompt: str | list[str], num_videos_per_prompt: int = 1, **placement: Any
    ) -> torch.Tensor:
        del placement
        captions = [prompt] if isinstance(prompt, str) else prompt
        text: torch.Tensor = self.text_encoder(captions).to(self.transformer.dtype)
        return text.repeat_interleave(num_videos_per_prompt, dim=0)
