"""CogVideoX image-to-video behind the `VideoModel` contract.

The photo enters as the VAE latent of the first frame, concatenated on channels with the noised clip and padded with
zeros in time. Guidance runs over the text alone: the latent is in both branches. `generate` calls the pipeline of
diffusers as anyone would; the differentiable half repeats its arithmetic, and tests hold the two together. Models of
the 1.5 series (patches in time, offset embedding) and of the first series both work.

Source: Yang et al. 2024 (arXiv 2408.06072); v-prediction of Salimans and Ho 2022 (arXiv 2202.00512).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from diffusers import CogVideoXImageToVideoPipeline
from PIL import Image

from antibench.contracts import Denoised, Encoded, FramesU8, ImageU8, ModelSpec
from antibench.models.cogvideox_attention import joint_attentions
from antibench.models.layers import captured, encoder_layers
from antibench.models.remembered import remembered
from antibench.pixels import fit, to_float

OFFSET = 2.0
"""What the pipeline feeds to the offset embedding of the 1.5 image-to-video models."""


@dataclass(frozen=True)
class CogVideoXSettings:
    """How the pipeline is called."""

    size: tuple[int, int]
    """(height, width)."""
    frames: int
    steps: int
    fps: float = 8.0
    guidance_scale: float = 6.0
    negative_prompt: str = ""
    use_dynamic_cfg: bool = False
    """Let the guidance weight follow the timestep, as the pipeline's own option does."""
    tile_decoder: bool = False
    """Decode in tiles: less memory, slightly other pixels along their borders."""
    tile_clips: bool = False
    """Encode reference clips in tiles, likewise. The photo, which the gradient goes to, is always encoded whole."""


class CogVideoX:
    """An image-to-video model around a pipeline of diffusers (`antibench.contracts.VideoModel`)."""

    frame_axis = 1

    def __init__(self, pipe: CogVideoXImageToVideoPipeline, settings: CogVideoXSettings, spec: ModelSpec) -> None:
        """Take over a loaded pipeline: its weights are frozen and its progress bar is turned off.

        Raises:
            ValueError: if the scheduler is not one of v-prediction, or the VAE would decode another number of frames.
        """
        pair = 2 * pipe.vae.config.temporal_compression_ratio
        if settings.frames % pair > 1:
            # The decoder takes latent frames in pairs, and one more stands for a single frame.
            raise ValueError(f"{spec.name} cannot decode {settings.frames} frames: the VAE takes {pair}k or {pair}k+1")
        if pipe.scheduler.config.prediction_type != "v_prediction":
            raise ValueError(f"{spec.name} needs a scheduler with v-prediction")
        for part in (pipe.vae, pipe.text_encoder, pipe.transformer):
            part.eval().requires_grad_(False)
        pipe.set_progress_bar_config(disable=True)
        self.pipe = pipe
        self.settings = settings
        self.name = spec.name
        self.version = spec.version
        self.card = spec.card
        self.gives = spec.gives
        self.size = settings.size
        self.frames = settings.frames
        self.fps = settings.fps
        blocks = enumerate(pipe.transformer.transformer_blocks)
        self._layers = {f"transformer_blocks.{i}": block for i, block in blocks}
        self._vae_layers = encoder_layers(pipe.vae.encoder)
        self._attentions = joint_attentions(self._layers, _frames_of_tokens(pipe, settings.frames))
        self.layers = tuple(self._layers)
        self.attentions = tuple(self._attentions)
        self.vae_layers = tuple(self._vae_layers)
        self._text = remembered(self._encoded_text)

    def generate(self, image: ImageU8, prompt: str, seed: int) -> FramesU8:
        """Animate a photo with the pipeline's own sampler."""
        settings = self.settings
        height, width = settings.size
        photo = fit(image, settings.size)
        try:
            clip = self.pipe(
                image=Image.fromarray(photo),
                **self._branches(photo, prompt),
                height=height,
                width=width,
                num_frames=settings.frames,
                num_inference_steps=settings.steps,
                guidance_scale=settings.guidance_scale,
                use_dynamic_cfg=settings.use_dynamic_cfg,
                max_sequence_length=self.pipe.transformer.config.max_text_seq_length,
                generator=torch.Generator("cpu").manual_seed(seed),
                callback_on_step_end=_tile_decoder if settings.tile_decoder else None,
            ).frames[0]
        finally:
            if settings.tile_decoder:
                self.pipe.vae.disable_tiling()
        return cast(FramesU8, np.stack([np.asarray(frame) for frame in clip]))

    def encode(self, image: torch.Tensor, *, capture: Sequence[str] = ()) -> Encoded:
        """The VAE's view of a photo: latents (1, 1, C, h, w), scaled as the transformer gets them; features
        (1, C, h, w). Image tokens are for subclasses."""
        with captured(self._vae_layers, capture) as features:
            latents = self._image_latents(image)
        return Encoded(latents, {name: value[:, :, 0] for name, value in features.items()}, self._image_tokens(image))

    @torch.no_grad()
    def encode_clip(self, frames: FramesU8) -> torch.Tensor:
        """Latents (1, F, C, h, w) of a clip at the model's size and length, times the VAE's scaling factor.

        Where the transformer's patches span several latent frames, copies of the first one fill F up in front; the
        pipeline drops as many after sampling.

        Raises:
            ValueError: for a clip of another size or length.
        """
        if frames.shape[:3] != (self.frames, *self.size):
            raise ValueError(f"{self.name} takes clips of {(self.frames, *self.size)}, not {frames.shape[:3]}")
        pixels = (to_float(frames) * 2 - 1).transpose(0, 1)[None]
        if self.settings.tile_clips:
            self.pipe.vae.enable_tiling()
        try:
            return self._clip_latents(pixels)
        finally:
            self.pipe.vae.disable_tiling()

    def encode_still(self, image: torch.Tensor) -> torch.Tensor:
        """As `encode_clip`, of a clip of copies of the photo; differentiable, never in tiles."""
        return self._clip_latents((image * 2 - 1)[:, :, None].expand(-1, -1, self.frames, -1, -1))

    def decode_image(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode (1, 1, C, h, w) latents of `encode` as a clip of one frame."""
        vae = self.pipe.vae
        pixels = vae.decode((latents / self._image_scale()).transpose(1, 2).to(vae.dtype)).sample[:, :, 0]
        return cast(torch.Tensor, (pixels.float() / 2 + 0.5).clamp(0, 1))

    def timestep(self, t: float) -> int:
        """Training timestep of `t`, uniform over all of them."""
        levels = int(self.pipe.scheduler.config.num_train_timesteps)
        return min(int(t * levels), levels - 1)

    def denoise(
        self,
        image: torch.Tensor,
        prompt: str,
        *,
        clip_latents: torch.Tensor,
        t: float,
        noise: torch.Tensor,
        guided: bool = False,
        capture: Sequence[str] = (),
        encoded: Encoded | None = None,
    ) -> Denoised:
        """One pass of the transformer on the clip noised to `timestep(t)`.

        The prediction is v = sqrt(a) * noise - sqrt(1 - a) * clip and the loss its mean squared error, which is the
        training loss. Where the guidance scale is 1 or less, one branch runs alone, as in the sampler.

        Raises:
            ValueError: if `noise` has another shape than `clip_latents`, or a layer is unknown.
        """
        guided = guided and self.settings.guidance_scale > 1
        if noise.shape != clip_latents.shape:
            raise ValueError(f"noise of shape {tuple(noise.shape)} for latents of {tuple(clip_latents.shape)}")
        device = self.pipe.transformer.device
        clip, noise = clip_latents.to(device).float(), noise.to(device).float()
        step = self.timestep(t)
        steps = torch.tensor([step], device=clip.device)
        known = self.encode(image) if encoded is None else encoded
        with captured(self._layers, capture, self._attentions, 1 + guided) as features:
            noised = self.pipe.scheduler.add_noise(clip, noise, steps)
            prediction = self.predict(noised, step, known.latents, prompt, guided=guided, tokens=known.tokens)
        if guided:
            features = {name: value.chunk(2)[1] for name, value in features.items()}
        scheduler = self.pipe.scheduler
        target = scheduler.get_velocity(clip, noise, steps)
        # (clip, noise) to (noised, v) is a rotation, so the same two functions lead back.
        clean = scheduler.get_velocity(prediction, noised, steps)
        implied = scheduler.add_noise(prediction, noised, steps)
        loss = torch.mean((prediction - target) ** 2)
        return Denoised(loss, prediction, features, known.latents, clean, implied)

    def predict(
        self,
        noised: torch.Tensor,
        timestep: int,
        latents: torch.Tensor,
        prompt: str,
        *,
        guided: bool,
        tokens: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The transformer's v-prediction (1, F, C, h, w) for noised latents of that shape.

        Args:
            noised: Clip latents at the noise level of `timestep`.
            timestep: Training timestep.
            latents: (1, 1, C, h, w) image latents.
            prompt: Caption of the conditional branch; the other one sees the negative prompt.
            guided: Run both branches, unconditional first, and combine them.
            tokens: (1, K, D) image tokens of the conditional branch, where `encode` gives any.
        """
        transformer, (height, width) = self.pipe.transformer, self.settings.size
        beside = self._beside(latents.to(noised.dtype), noised.shape[1])
        text = self._context(prompt, tokens, guided=guided)
        sample = torch.cat([noised, beside], dim=2).expand(text.shape[0], -1, -1, -1, -1).to(transformer.dtype)
        rotary = None
        if transformer.config.use_rotary_positional_embeddings:
            rotary = self.pipe._prepare_rotary_positional_embeddings(height, width, noised.shape[1], noised.device)
        offset = None if transformer.config.ofs_embed_dim is None else sample.new_full((1,), OFFSET)
        prediction = transformer(
            hidden_states=sample,
            encoder_hidden_states=text,
            timestep=torch.full((text.shape[0],), timestep, device=noised.device),
            ofs=offset,
            image_rotary_emb=rotary,
            return_dict=False,
        )[0].float()
        if not guided:
            return cast(torch.Tensor, prediction)
        unconditional, conditional = prediction.chunk(2)
        return cast(torch.Tensor, unconditional + self.guidance(timestep) * (conditional - unconditional))

    def guidance(self, timestep: int) -> float:
        """Weight of the conditional branch at a training timestep.

        The pipeline's dynamic guidance subtracts a training timestep from the number of sampling steps, so it swings
        instead of rising steadily. It is what users of that option get, so it is repeated as it is.
        """
        settings = self.settings
        if not settings.use_dynamic_cfg:
            return settings.guidance_scale
        progress = float((settings.steps - timestep) / settings.steps)
        return 1 + settings.guidance_scale * (1 - math.cos(math.pi * progress**5.0)) / 2

    def _branches(self, photo: ImageU8, prompt: str) -> dict[str, Any]:
        """What the pipeline is told of both branches, for a photo at the model's size."""
        del photo
        negative, positive = self._context(prompt, None, guided=True).chunk(2)
        return {"prompt_embeds": positive, "negative_prompt_embeds": negative}

    def _image_tokens(self, image: torch.Tensor) -> torch.Tensor | None:
        """(1, K, D), differentiable in the image, or None if the transformer reads none."""
        del image
        return None

    def _beside(self, latents: torch.Tensor, frames: int) -> torch.Tensor:
        """What is concatenated with a noised clip: (1, 1, C, h, w) image latents, padded with zeros to `frames`."""
        padding = latents.new_zeros(1, frames - 1, *latents.shape[2:])
        return torch.cat([latents, padding], dim=1)

    @torch.no_grad()
    def _context(self, prompt: str, tokens: torch.Tensor | None, *, guided: bool) -> torch.Tensor:
        """What the transformer reads: (1, L, D), or with guidance (2, L, D), the negative prompt first."""
        del tokens
        return self._text(prompt, guided)

    @torch.no_grad()
    def _encoded_text(self, prompt: str, guided: bool) -> torch.Tensor:
        """As `_context`, where the text encoder is; the result where the transformer is."""
        transformer = self.pipe.transformer
        positive, negative = self.pipe.encode_prompt(
            prompt,
            self.settings.negative_prompt,
            do_classifier_free_guidance=guided,
            max_sequence_length=transformer.config.max_text_seq_length,
            device=self.pipe.text_encoder.device,
        )
        text = torch.cat([negative, positive]) if guided else positive
        return cast(torch.Tensor, text.to(transformer.device, transformer.dtype))

    def _image_scale(self) -> float:
        """Some checkpoints were trained on image latents divided by the scaling factor; the VAE's config says which."""
        config = self.pipe.vae.config
        return float(1 / config.scaling_factor if config.invert_scale_latents else config.scaling_factor)

    def _image_latents(self, image: torch.Tensor) -> torch.Tensor:
        return self._posterior_mode((image * 2 - 1)[:, :, None]) * self._image_scale()

    def _clip_latents(self, pixels: torch.Tensor) -> torch.Tensor:
        latents = self._posterior_mode(pixels) * self.pipe.vae.config.scaling_factor
        missing = -latents.shape[1] % (self.pipe.transformer.config.patch_size_t or 1)
        return torch.cat([latents[:, :1]] * missing + [latents], dim=1)

    def _posterior_mode(self, pixels: torch.Tensor) -> torch.Tensor:
        """(1, 3, T, H, W) in [-1, 1] -> (1, F, C, h, w)."""
        vae = self.pipe.vae
        mode = vae.encode(pixels.to(vae.device, vae.dtype)).latent_dist.mode()
        return cast(torch.Tensor, mode.float().transpose(1, 2))


def _frames_of_tokens(pipe: CogVideoXImageToVideoPipeline, frames: int) -> int:
    """Frames that the transformer's tokens are of: latent frames, or patches that span several."""
    latent = -(-frames // int(pipe.vae.config.temporal_compression_ratio))
    return -(-latent // int(pipe.transformer.config.patch_size_t or 1))


def _tile_decoder(pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
    """Tile from the first step on: the photo was encoded whole, as `encode` does it; only the decoder sees tiles."""
    del step, timestep
    pipe.vae.enable_tiling()
    return tensors
