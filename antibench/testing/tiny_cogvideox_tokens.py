"""CogVideoX with image tokens and random weights, small enough for a test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from diffusers import CogVideoXDDIMScheduler

from antibench.contracts import Gives, ModelCard
from antibench.models.cogvideox import CogVideoXSettings
from antibench.models.cogvideox_tokens import CogVideoXTokens, RepeatedPhotoPipeline
from antibench.models.part import Part
from antibench.testing.tiny_cogvideox import (
    SCHEDULE,
    TEXT_LENGTH,
    WIDTH,
    ByteText,
    TinyCogVideoX,
    tiny_transformer,
    tiny_vae,
)
from antibench.testing.tiny_svd import PatchTokens

IMAGE_TOKENS = 16


@dataclass(frozen=True)
class TinyCogVideoXTokens:
    """Random weights in the classes of CogVideoX, and sixteen image tokens; `transformer` changes its configuration."""

    transformer: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    caption_guided: bool = True

    name: ClassVar[str] = "tiny-cogvideox-tokens"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = ModelCard("Random weights", world="small", gate="not-applicable")
    size: ClassVar[tuple[int, int]] = TinyCogVideoX.size
    frames: ClassVar[int] = TinyCogVideoX.frames
    gives: ClassVar[frozenset[Gives]] = TinyCogVideoX.gives | {"image_tokens"}

    def load(self, device: str) -> CogVideoXTokens:
        """Build the model; the weights are the same every time."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            vae = tiny_vae({})
            transformer = tiny_transformer({"max_text_seq_length": TEXT_LENGTH + IMAGE_TOKENS, **self.transformer})
            text, tokens = Part(ByteText()), PatchTokens(WIDTH)
        pipe = RepeatedPhotoPipeline(
            tokenizer=None,
            text_encoder=text,
            vae=vae,
            transformer=transformer,
            scheduler=CogVideoXDDIMScheduler(**SCHEDULE),
        ).to(device)
        settings = {"size": self.size, "frames": self.frames, "steps": 2, **self.settings}
        given = CogVideoXSettings(**settings)
        return CogVideoXTokens(pipe, tokens.to(device), given, self, caption_guided=self.caption_guided)
