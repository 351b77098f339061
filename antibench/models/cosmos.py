"""Cosmos-Predict2 Video2World behind the `VideoModel` contract, from one photo.

The photo's latent is the first latent frame of the clip: at every level the transformer sees it as it is, all but free
of noise by its timestep, and a mask says which frame is given. There is no other way in. Guidance runs over the text
alone.

Convention: the sampler adds noise, x = clip + S noise, with levels S of Karras et al. The transformer is shown
x / (1 + S), which is (1 - s) clip + s noise at s = S / (1 + S), reads s itself, not a thousandfold, and the pipeline
takes clip = (1 - s) x_s - s v of what it says: v = noise - clip, `antibench.models.flow`. `sigma` is s. The pipeline's
guidance adds w (conditional - unconditional) to the *conditional* branch, so that the scale of the usual formula is
1 + w. It rounds the clean prediction of each branch to the type of the weights; here that stays in float32.

The licence forbids to bypass the guardrail. `generate` asks it as the pipeline does: caption first, clip last. `encode`
and `denoise` make no clip and do not ask: `antibench.models.guardrail`.

Source: NVIDIA 2025 (arXiv 2501.03575), preconditioning of Karras et al. 2022 (arXiv 2206.00364) for a velocity.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from diffusers import Cosmos2VideoToWorldPipeline

from antibench.contracts import Encoded, ModelSpec
from antibench.models.flow import FlowModel, FlowSettings
from antibench.models.karras import karras_level
from antibench.models.remembered import remembered
from antibench.models.wan_vae import clip_latents, clip_pixels

TEXT_LENGTH = 512
"""Tokens of the text: the pipeline's default."""
GIVEN_NOISE = 0.0001
"""The noise level that the transformer is told of the photo's frame: the pipeline's default."""


class Cosmos(FlowModel):
    """Cosmos-Predict2 around a pipeline of diffusers."""

    held = 1

    def __init__(self, pipe: Cosmos2VideoToWorldPipeline, settings: FlowSettings, spec: ModelSpec) -> None:
        """Take over a loaded pipeline: its weights are frozen and its progress bar is turned off.

        Raises:
            ValueError: if the scheduler is not one of flow matching over the levels of Karras et al., or the VAE would
                decode another number of frames.
        """
        if not pipe.scheduler.config.get("use_karras_sigmas"):
            raise ValueError(f"{spec.name} needs a scheduler of the levels of Karras et al.")
        self.settings = settings
        super().__init__(pipe, settings, spec)
        self._text = remembered(self._encoded_text)

    def sigma(self, t: float) -> float:
        """Share of the noise at `t`, which runs along the sampler's levels."""
        config = self.pipe.scheduler.config
        level = karras_level(t, config.sigma_min, config.sigma_max)
        return level / (1 + level)

    def timestep(self, t: float) -> float:
        """What the transformer reads at `t`: the share of the noise."""
        return self.sigma(t)

    def _scale(self, timestep: float) -> float:
        del timestep
        return 1 + self._guidance_scale if self._guidance_scale > 1 else 1.0

    def _told(self, prompt: str) -> dict[str, Any]:
        """Both branches' text, once the guardrail has passed the caption: the pipeline would only show it one that it
        encodes itself, where its text encoder need not be."""
        guardrail = self.pipe.safety_checker
        guardrail.to(self.pipe.device)
        guardrail.check_text_safety(prompt)
        guardrail.to("cpu")
        return {
            "prompt_embeds": self._text(prompt),
            "negative_prompt_embeds": self._text(self.settings.negative_prompt),
        }

    def _call(self) -> dict[str, Any]:
        settings = self.settings
        return {
            "num_inference_steps": settings.steps,
            "guidance_scale": settings.guidance_scale,
            "fps": settings.fps,
            "sigma_conditioning": GIVEN_NOISE,
        }

    def _frames_a_latent(self, pipe: Any) -> int:
        return int(pipe.vae_scale_factor_temporal)

    def _image_latents(self, image: torch.Tensor) -> torch.Tensor:
        """The pipeline encodes a clip of the photo and copies of it, and uses the first latent frame."""
        return self._clip_latents((image * 2 - 1)[:, :, None])

    def _clip_latents(self, pixels: torch.Tensor) -> torch.Tensor:
        return clip_latents(self.pipe.vae, pixels)

    def _decoded(self, latents: torch.Tensor) -> torch.Tensor:
        return clip_pixels(self.pipe.vae, latents)

    def _context(self, image: torch.Tensor, prompt: str, encoded: Encoded, *, conditional: bool) -> dict[str, Any]:
        del image, encoded
        return {"encoder_hidden_states": self._text(prompt if conditional else self.settings.negative_prompt)}

    @torch.no_grad()
    def _encoded_text(self, prompt: str) -> torch.Tensor:
        """(1, L, D), encoded where the text encoder is; the result where the transformer is."""
        encoder, transformer = self.pipe.text_encoder, self.pipe.transformer
        text, _ = self.pipe.encode_prompt(
            prompt, do_classifier_free_guidance=False, max_sequence_length=TEXT_LENGTH, device=encoder.device
        )
        return cast(torch.Tensor, text.to(transformer.device, transformer.dtype))

    def _velocity(
        self, noised: torch.Tensor, timestep: float, encoded: Encoded, context: dict[str, Any]
    ) -> torch.Tensor:
        del encoded
        transformer = self.pipe.transformer
        frames, height, width = noised.shape[2:]
        steps = noised.new_full((1, 1, frames, 1, 1), timestep)
        steps[:, :, : self.held] = GIVEN_NOISE / (GIVEN_NOISE + 1)
        given = noised.new_zeros(1, 1, frames, height, width)
        given[:, :, : self.held] = 1
        prediction = transformer(
            hidden_states=noised.to(transformer.dtype),
            timestep=steps.to(transformer.dtype),
            fps=self.settings.fps,
            condition_mask=given.to(transformer.dtype),
            padding_mask=noised.new_zeros(1, 1, *self.size, dtype=transformer.dtype),
            return_dict=False,
            **context,
        )[0]
        return cast(torch.Tensor, prediction.float())
