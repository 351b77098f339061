"""SkyReels-V2 with random weights, small enough for a test: the paths of Wan 2.1, with a transformer of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from diffusers import SkyReelsV2ImageToVideoPipeline, SkyReelsV2Transformer3DModel
from transformers import CLIPVisionModel

from antibench.models.wan import Wan, WanSettings
from antibench.testing.tiny_text import WIDTH, clip_processor, clip_vision, umt5
from antibench.testing.tiny_wan import HEAD, TinyWan21, flow_scheduler, tiny_transformer_config, tiny_vae


@dataclass(frozen=True)
class TinySkyReels(TinyWan21):
    """Random weights in the classes of SkyReels-V2."""

    name: ClassVar[str] = "tiny-skyreels-v2"

    def load(self, device: str) -> Wan:
        """Build the model; the weights are the same every time."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            tokenizer, text_encoder = umt5()
            image = {"image_dim": WIDTH, "added_kv_proj_dim": 2 * HEAD}
            pipe = SkyReelsV2ImageToVideoPipeline(
                tokenizer=tokenizer,
                text_encoder=text_encoder,
                image_encoder=clip_vision(CLIPVisionModel),
                image_processor=clip_processor(),
                transformer=SkyReelsV2Transformer3DModel(**{**tiny_transformer_config(), **image}),
                vae=tiny_vae(),
                scheduler=flow_scheduler(5.0),
            ).to(device)
        settings = {"fps": 24.0, "guidance_scale": 5.0, "size": self.size, "frames": self.frames, "steps": 2}
        return Wan(pipe, WanSettings(**{**settings, **self.settings}), self)
