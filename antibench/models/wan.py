"""Wan image-to-video behind the `VideoModel` contract: 2.1, and both of 2.2.

In 2.1 the photo enters twice: CLIP's tokens of it go into the cross-attention, and a clip of the photo and then grey
frames goes through the VAE and is concatenated on channels with the noised clip, a mask saying which frames are given.
2.2 I2V-A14B leaves CLIP out and has two transformers, one for the levels above a boundary and one for those below. In
2.2 TI2V-5B the photo's latent is itself the first frame of the clip, at timestep zero. Guidance runs over the text
alone, in two passes.

Convention: v = noise - clip, `antibench.models.flow`; the shift is the scheduler's `flow_shift`.

Source: Wan team 2025 (arXiv 2503.20314).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from diffusers import SkyReelsV2ImageToVideoPipeline, WanImageToVideoPipeline
from torch import nn

from antibench.contracts import Encoded, ModelSpec
from antibench.models.clip_view import clip_view
from antibench.models.flow import FlowModel, FlowSettings
from antibench.models.wan_vae import clip_latents, clip_pixels

TEXT_LENGTH = 512
"""Tokens of the text; the attention over CLIP's tokens counts on it."""


@dataclass(frozen=True, kw_only=True)
class WanSettings(FlowSettings):
    """How the pipeline is called."""

    guidance_scale_2: float | None = None
    """Of the transformer below the boundary, where there are two; else as above."""


class Wan(FlowModel):
    """Wan, or a model of the same conditions, around a pipeline of diffusers."""

    def __init__(
        self,
        pipe: WanImageToVideoPipeline | SkyReelsV2ImageToVideoPipeline,
        settings: WanSettings,
        spec: ModelSpec,
    ) -> None:
        """Take over a loaded pipeline: its weights are frozen and its progress bar is turned off.

        Raises:
            ValueError: if the scheduler is not one of flow matching, or the VAE would decode another number of frames.
        """
        self.settings = settings
        self.held = 1 if pipe.config.get("expand_timesteps") else 0
        ratio = pipe.config.get("boundary_ratio")
        self._boundary = None if ratio is None else ratio * pipe.scheduler.config.num_train_timesteps
        super().__init__(pipe, settings, spec)

    def _call(self) -> dict[str, Any]:
        settings = self.settings
        call = {
            "negative_prompt": settings.negative_prompt,
            "num_inference_steps": settings.steps,
            "guidance_scale": settings.guidance_scale,
            "output_type": "pil",
            "max_sequence_length": TEXT_LENGTH,
        }
        return call if self._boundary is None else {**call, "guidance_scale_2": settings.guidance_scale_2}

    def _frames_a_latent(self, pipe: Any) -> int:
        return int(pipe.vae_scale_factor_temporal)

    def _blocks(self, timestep: float) -> Mapping[str, nn.Module]:
        return {f"blocks.{i}": block for i, block in enumerate(self._transformer(timestep).blocks)}

    def _below(self, timestep: float) -> bool:
        return self._boundary is not None and timestep < self._boundary

    def _transformer(self, timestep: float) -> Any:
        return self.pipe.transformer_2 if self._below(timestep) else self.pipe.transformer

    def _scale(self, timestep: float) -> float:
        below = self.settings.guidance_scale_2
        return below if self._below(timestep) and below is not None else self._guidance_scale

    def _image_latents(self, image: torch.Tensor) -> torch.Tensor:
        """The photo alone where it is the first frame of the clip, else the photo and grey frames after it."""
        pixels = (image * 2 - 1)[:, :, None]
        if not self.held:
            grey = pixels.new_zeros(1, 3, self.frames - 1, *pixels.shape[-2:])
            pixels = torch.cat([pixels, grey], dim=2)
        return self._clip_latents(pixels)

    def _image_tokens(self, image: torch.Tensor) -> torch.Tensor | None:
        encoder = self.pipe.image_encoder
        if self.pipe.transformer.config.image_dim is None:
            return None
        pixels = clip_view(self.pipe.image_processor, image).to(encoder.device, encoder.dtype)
        return cast(torch.Tensor, encoder(pixel_values=pixels, output_hidden_states=True).hidden_states[-2])

    def _clip_latents(self, pixels: torch.Tensor) -> torch.Tensor:
        return clip_latents(self.pipe.vae, pixels)

    def _decoded(self, latents: torch.Tensor) -> torch.Tensor:
        return clip_pixels(self.pipe.vae, latents)

    @torch.no_grad()
    def _text(self, prompt: str) -> torch.Tensor:
        text, _ = self.pipe.encode_prompt(
            prompt, do_classifier_free_guidance=False, max_sequence_length=TEXT_LENGTH, device=self.pipe.device
        )
        return cast(torch.Tensor, text)

    def _context(self, image: torch.Tensor, prompt: str, encoded: Encoded, *, conditional: bool) -> dict[str, Any]:
        del image
        dtype = self.pipe.transformer.dtype
        text = self._text(prompt if conditional else self.settings.negative_prompt).to(dtype)
        tokens = None if encoded.tokens is None else encoded.tokens.to(dtype)
        return {"encoder_hidden_states": text, "encoder_hidden_states_image": tokens}

    def _velocity(
        self, noised: torch.Tensor, timestep: float, encoded: Encoded, context: dict[str, Any]
    ) -> torch.Tensor:
        transformer = self._transformer(timestep)
        steps = torch.full((1,), timestep, device=noised.device)
        if self.held:
            sample, steps = noised, self._timesteps_of_tokens(noised, timestep)
        else:
            sample = torch.cat([noised, self._given(encoded.latents), encoded.latents], dim=1)
        return cast(
            torch.Tensor,
            transformer(hidden_states=sample.to(transformer.dtype), timestep=steps, return_dict=False, **context)[
                0
            ].float(),
        )

    def _timesteps_of_tokens(self, noised: torch.Tensor, timestep: float) -> torch.Tensor:
        """(1, tokens): zero where the photo is."""
        steps = torch.full((noised.shape[2], *(side // 2 for side in noised.shape[3:])), timestep, device=noised.device)
        steps[: self.held] = 0
        return steps.flatten()[None]

    def _given(self, latents: torch.Tensor) -> torch.Tensor:
        """(1, frames a latent, F, h, w): one where a frame of the clip is the photo; the first latent stands for one
        frame, which is counted as often as the others stand for."""
        mask = latents.new_zeros(1, self._frames_a_latent(self.pipe), *latents.shape[2:])
        mask[:, :, 0] = 1
        return mask
