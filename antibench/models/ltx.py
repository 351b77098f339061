"""LTX-Video behind the `VideoModel` contract.

The photo's latent is itself the first frame of the clip, at timestep zero, and the sampler leaves it as it is; there is
no other way in. Guidance runs over the text alone.

Convention: v = noise - clip, `antibench.models.flow`. The shift grows with the number of latent pixels; where the
scheduler stretches its last levels away from zero, `sigma` still runs over all of them.

Source: HaCohen et al. 2024 (arXiv 2501.00103).
"""

from __future__ import annotations

from typing import Any, cast

import torch
from diffusers import LTXImageToVideoPipeline
from diffusers.pipelines.ltx.pipeline_ltx_image2video import calculate_shift

from antibench.contracts import Encoded, ModelSpec
from antibench.models.flow import FlowModel, FlowSettings

TEXT_LENGTH = 128
"""Tokens of the text: the pipeline's default."""


class LTX(FlowModel):
    """LTX-Video around a pipeline of diffusers."""

    held = 1

    def __init__(self, pipe: LTXImageToVideoPipeline, settings: FlowSettings, spec: ModelSpec) -> None:
        """Take over a loaded pipeline: its weights are frozen and its progress bar is turned off.

        Raises:
            ValueError: if the scheduler is not one of flow matching, the VAE would decode another number of frames, or
                its decoder reads a timestep, as from 0.9.1 on.
        """
        if pipe.vae.config.timestep_conditioning:
            raise ValueError(f"{spec.name} needs a VAE whose decoder reads no timestep")
        self.settings = settings
        super().__init__(pipe, settings, spec)

    def _call(self) -> dict[str, Any]:
        settings = self.settings
        return {
            "negative_prompt": settings.negative_prompt,
            "num_inference_steps": settings.steps,
            "guidance_scale": settings.guidance_scale,
            "frame_rate": settings.fps,
            "max_sequence_length": TEXT_LENGTH,
        }

    def _mu(self, pipe: Any) -> float:
        height, width = self.settings.size
        frames = (self.settings.frames - 1) // self._frames_a_latent(pipe) + 1
        side, config = pipe.vae_spatial_compression_ratio, pipe.scheduler.config
        return float(
            calculate_shift(
                frames * (height // side) * (width // side),
                config.get("base_image_seq_len", 256),
                config.get("max_image_seq_len", 4096),
                config.get("base_shift", 0.5),
                config.get("max_shift", 1.15),
            )
        )

    def _frames_a_latent(self, pipe: Any) -> int:
        return int(pipe.vae_temporal_compression_ratio)

    def _image_latents(self, image: torch.Tensor) -> torch.Tensor:
        return self._clip_latents((image * 2 - 1)[:, :, None])

    def _clip_latents(self, pixels: torch.Tensor) -> torch.Tensor:
        vae = self.pipe.vae
        mode = vae.encode(pixels.to(vae.device, vae.dtype)).latent_dist.mode().float()
        return cast(torch.Tensor, self.pipe._normalize_latents(mode, vae.latents_mean, vae.latents_std))

    def _decoded(self, latents: torch.Tensor) -> torch.Tensor:
        vae = self.pipe.vae
        mode = self.pipe._denormalize_latents(latents, vae.latents_mean, vae.latents_std, vae.config.scaling_factor)
        return cast(torch.Tensor, vae.decode(mode.to(vae.dtype), None).sample)

    @torch.no_grad()
    def _context(self, image: torch.Tensor, prompt: str, encoded: Encoded, *, conditional: bool) -> dict[str, Any]:
        del image, encoded
        text, mask, _, _ = self.pipe.encode_prompt(
            prompt if conditional else self.settings.negative_prompt,
            do_classifier_free_guidance=False,
            max_sequence_length=TEXT_LENGTH,
            device=self.pipe.device,
        )
        return {"encoder_hidden_states": text.to(self.pipe.transformer.dtype), "encoder_attention_mask": mask}

    def _velocity(
        self, noised: torch.Tensor, timestep: float, encoded: Encoded, context: dict[str, Any]
    ) -> torch.Tensor:
        del encoded
        pipe, transformer = self.pipe, self.pipe.transformer
        frames, height, width = noised.shape[2:]
        patches = (pipe.transformer_spatial_patch_size, pipe.transformer_temporal_patch_size)
        steps = torch.full((1, 1, frames, height, width), timestep, device=noised.device)
        steps[:, :, : self.held] = 0
        prediction = transformer(
            hidden_states=pipe._pack_latents(noised, *patches).to(transformer.dtype),
            timestep=pipe._pack_latents(steps, *patches).squeeze(-1),
            num_frames=frames,
            height=height,
            width=width,
            rope_interpolation_scale=(
                pipe.vae_temporal_compression_ratio / self.settings.fps,
                pipe.vae_spatial_compression_ratio,
                pipe.vae_spatial_compression_ratio,
            ),
            return_dict=False,
            **context,
        )[0]
        return cast(torch.Tensor, pipe._unpack_latents(prediction.float(), frames, height, width, *patches))
