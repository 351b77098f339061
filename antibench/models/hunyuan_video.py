"""HunyuanVideo-I2V behind the `VideoModel` contract, in the form whose first latent frame is the photo's.

The photo enters twice: its latent is the first frame of the clip, at timestep zero, and the sampler leaves it as it
is; and a multimodal language model reads it before the caption, so that tokens of the photo and words in its light go
into the joint attention. There is one branch: the guidance scale is an input of the transformer, distilled.

Convention: v = noise - clip, `antibench.models.flow`; the shift is the scheduler's.

Source: Kong et al. 2024 (arXiv 2412.03603).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import torch
from diffusers import HunyuanVideoImageToVideoPipeline
from diffusers.pipelines.hunyuan_video.pipeline_hunyuan_video_image2video import DEFAULT_PROMPT_TEMPLATE
from torch import nn

from antibench.contracts import Encoded, ModelSpec
from antibench.models.clip_view import clip_view
from antibench.models.flow import FlowModel, FlowSettings

INTERLEAVE = 4
"""Of the language model's tokens of the photo, one in four is kept: the pipeline's choice for this form."""


@dataclass(frozen=True, kw_only=True)
class HunyuanVideoSettings(FlowSettings):
    """How the pipeline is called; `guidance_scale` is 1, there being one branch."""

    guidance_scale: float = 1.0
    embedded_guidance: float = 6.0
    """The scale that the transformer reads."""
    text_length: int = 256
    prompt_template: dict[str, Any] = field(default_factory=lambda: dict(DEFAULT_PROMPT_TEMPLATE))


class HunyuanVideo(FlowModel):
    """HunyuanVideo-I2V around a pipeline of diffusers."""

    held = 1

    def __init__(self, pipe: HunyuanVideoImageToVideoPipeline, settings: HunyuanVideoSettings, spec: ModelSpec) -> None:
        """Take over a loaded pipeline: its weights are frozen and its progress bar is turned off.

        Raises:
            ValueError: if the scheduler is not one of flow matching, the VAE would decode another number of frames, or
                the transformer is of the form that reads the photo's latent beside the clip's.
        """
        if pipe.transformer.config.image_condition_type != "token_replace":
            raise ValueError(f"{spec.name} needs a transformer that takes the photo for the first frame")
        self.settings = settings
        pipe.image_processor = PhotoProcessor(pipe.image_processor)
        super().__init__(pipe, settings, spec)

    def _call(self) -> dict[str, Any]:
        settings = self.settings
        return {
            "num_inference_steps": settings.steps,
            "guidance_scale": settings.embedded_guidance,
            "max_sequence_length": settings.text_length,
            "prompt_template": settings.prompt_template,
        }

    def _frames_a_latent(self, pipe: Any) -> int:
        return int(pipe.vae_scale_factor_temporal)

    def _blocks(self, timestep: float) -> Mapping[str, nn.Module]:
        del timestep
        kinds = ("transformer_blocks", "single_transformer_blocks")
        return {f"{kind}.{i}": block for kind in kinds for i, block in enumerate(getattr(self.pipe.transformer, kind))}

    def _image_latents(self, image: torch.Tensor) -> torch.Tensor:
        return self._clip_latents((image * 2 - 1)[:, :, None])

    def _image_tokens(self, image: torch.Tensor) -> torch.Tensor:
        """The language model is causal, so what it makes of the photo does not depend on the caption after it."""
        states, _ = self._read(image, "")
        return states[:, : self._token_count()]

    def _token_count(self) -> int:
        return -(-int(self.settings.prompt_template["image_emb_len"]) // INTERLEAVE)

    def _clip_latents(self, pixels: torch.Tensor) -> torch.Tensor:
        vae = self.pipe.vae
        mode = vae.encode(pixels.to(vae.device, vae.dtype)).latent_dist.mode()
        return cast(torch.Tensor, mode.float() * vae.config.scaling_factor)

    def _decoded(self, latents: torch.Tensor) -> torch.Tensor:
        vae = self.pipe.vae
        return cast(torch.Tensor, vae.decode((latents / vae.config.scaling_factor).to(vae.dtype)).sample)

    def _read(self, image: torch.Tensor, prompt: str) -> tuple[torch.Tensor, torch.Tensor]:
        """The language model's states of photo and caption (1, L, D), and which are no padding (1, L)."""
        states, mask = self.pipe._get_llama_prompt_embeds(
            image,
            prompt,
            self.settings.prompt_template,
            device=self.pipe.device,
            max_sequence_length=self.settings.text_length,
            image_embed_interleave=INTERLEAVE,
        )
        return cast(torch.Tensor, states), cast(torch.Tensor, mask)

    def _context(self, image: torch.Tensor, prompt: str, encoded: Encoded, *, conditional: bool) -> dict[str, Any]:
        """The words are read again with their photo, which the tokens of `encoded` are only a part of."""
        del conditional
        transformer = self.pipe.transformer
        states, mask = self._read(image, prompt)
        tokens = cast(torch.Tensor, encoded.tokens).to(states.dtype)
        with torch.no_grad():
            pooled = self.pipe._get_clip_prompt_embeds(prompt, device=self.pipe.device)
        scale = torch.tensor([self.settings.embedded_guidance * 1000], dtype=transformer.dtype, device=self.pipe.device)
        return {
            "encoder_hidden_states": torch.cat([tokens, states[:, tokens.shape[1] :]], dim=1).to(transformer.dtype),
            "encoder_attention_mask": mask.to(transformer.dtype),
            "pooled_projections": pooled.to(transformer.dtype),
            "guidance": scale if transformer.config.guidance_embeds else None,
        }

    def _velocity(
        self, noised: torch.Tensor, timestep: float, encoded: Encoded, context: dict[str, Any]
    ) -> torch.Tensor:
        del encoded
        transformer = self.pipe.transformer
        prediction = transformer(
            hidden_states=noised.to(transformer.dtype),
            timestep=torch.full((1,), timestep, device=noised.device),
            return_dict=False,
            **context,
        )[0]
        return cast(torch.Tensor, prediction.float())


class PhotoProcessor:
    """The pipeline's image processor, which takes a photo as a tensor too and then passes a gradient."""

    def __init__(self, processor: Any) -> None:
        self._processor = processor

    def __call__(self, image: Any, return_tensors: str) -> Any:
        """Pixels of a PIL image, or of (1, 3, H, W) in [0, 1], as attribute `pixel_values`."""
        if isinstance(image, torch.Tensor):
            return SimpleNamespace(pixel_values=clip_view(self._processor, image))
        return self._processor(image, return_tensors=return_tensors)
