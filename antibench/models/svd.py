"""Stable Video Diffusion behind the `VideoModel` contract.

The photo enters the U-Net twice, as image tokens through cross-attention and as a latent beside every noised frame, and
guidance runs over both: the unconditional branch sees zeros in both places. `generate` calls the pipeline of diffusers
as anyone would; the differentiable half repeats its arithmetic, and tests hold the two together.

Source: Blattmann et al. 2023 (arXiv 2311.15127); preconditioning of Karras et al. 2022 (arXiv 2206.00364).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from diffusers import EulerDiscreteScheduler, StableVideoDiffusionPipeline
from diffusers.models.attention import TemporalBasicTransformerBlock
from PIL import Image

from antibench.contracts import Denoised, Encoded, FramesU8, ImageU8, ModelSpec
from antibench.models.attention_maps import temporal_attentions
from antibench.models.karras import karras_level
from antibench.models.layers import captured, encoder_layers, unet_layers
from antibench.models.svd_tokens import image_tokens
from antibench.pixels import fit, to_float

CLIP_CHUNK = 8
"""Frames that go through the image encoder of the VAE at once."""


@dataclass(frozen=True)
class SVDSettings:
    """How the pipeline is called."""

    size: tuple[int, int]
    """(height, width)."""
    frames: int
    steps: int
    fps: int = 7
    motion_bucket_id: int = 127
    noise_aug_strength: float = 0.02
    """Standard deviation of the noise on the photo before the VAE, on the [-1, 1] scale."""
    min_guidance_scale: float = 1.0
    """Guidance at the first frame."""
    max_guidance_scale: float = 3.0
    """Guidance at the last frame; linear in between."""
    decode_chunk_size: int = 8


class SVD:
    """An image-to-video model around a pipeline of diffusers (`antibench.contracts.VideoModel`)."""

    frame_axis = 1

    def __init__(self, pipe: StableVideoDiffusionPipeline, settings: SVDSettings, spec: ModelSpec) -> None:
        """Take over a loaded pipeline: its weights are frozen and its progress bar is turned off.

        Raises:
            ValueError: if the scheduler is not that of Stable Video Diffusion: continuous timesteps, v-prediction.
        """
        config = pipe.scheduler.config
        if config.timestep_type != "continuous" or config.prediction_type != "v_prediction":
            raise ValueError(f"{spec.name} needs a scheduler with continuous timesteps and v-prediction")
        for part in (pipe.vae, pipe.image_encoder, pipe.unet):
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
        self.fps = float(settings.fps)
        self._layers = unet_layers(pipe.unet, kinds=("attentions", "resnets"))
        self._vae_layers = encoder_layers(pipe.vae.encoder)
        self._attentions = temporal_attentions(self._layers, TemporalBasicTransformerBlock, ("attn1",))
        self.layers = tuple(self._layers)
        self.attentions = tuple(self._attentions)
        self.vae_layers = tuple(self._vae_layers)
        self._sigma_min, self._sigma_max = _sampled_range(pipe.scheduler, settings.steps)

    def generate(self, image: ImageU8, prompt: str, seed: int) -> FramesU8:
        """Animate a photo with the pipeline's own sampler; the prompt is not read."""
        del prompt
        settings = self.settings
        height, width = settings.size
        clip = self.pipe(
            Image.fromarray(fit(image, settings.size)),
            height=height,
            width=width,
            num_frames=settings.frames,
            num_inference_steps=settings.steps,
            min_guidance_scale=settings.min_guidance_scale,
            max_guidance_scale=settings.max_guidance_scale,
            fps=settings.fps,
            motion_bucket_id=settings.motion_bucket_id,
            noise_aug_strength=settings.noise_aug_strength,
            decode_chunk_size=settings.decode_chunk_size,
            generator=torch.Generator("cpu").manual_seed(seed),
        ).frames[0]
        return cast(FramesU8, np.stack([np.asarray(frame) for frame in clip]))

    def encode(self, image: torch.Tensor, *, capture: Sequence[str] = ()) -> Encoded:
        """Both image encoders, without the noise augmentation: latents (1, C, h, w), not scaled, as the U-Net gets
        them; tokens (1, K, D); features (1, C, h, w)."""
        with captured(self._vae_layers, capture) as features:
            latents = self._posterior_mode(image * 2 - 1)
        return Encoded(latents, features, image_tokens(self.pipe, image))

    @torch.no_grad()
    def encode_clip(self, frames: FramesU8) -> torch.Tensor:
        """Latents (1, T, C, h, w) of a clip at the model's size and length, times the VAE's scaling factor.

        Raises:
            ValueError: for a clip of another size or length.
        """
        if frames.shape[:3] != (self.frames, *self.size):
            raise ValueError(f"{self.name} takes clips of {(self.frames, *self.size)}, not {frames.shape[:3]}")
        pixels = to_float(frames) * 2 - 1
        latents = torch.cat([self._posterior_mode(chunk) for chunk in torch.split(pixels, CLIP_CHUNK)])
        return cast(torch.Tensor, latents[None] * self.pipe.vae.config.scaling_factor)

    def encode_still(self, image: torch.Tensor) -> torch.Tensor:
        """As `encode_clip`, of a clip of copies of the photo, which is encoded once; differentiable."""
        latents: torch.Tensor = self._posterior_mode(image * 2 - 1) * self.pipe.vae.config.scaling_factor
        return latents[:, None].expand(-1, self.frames, -1, -1, -1)

    def decode_image(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode (1, C, h, w) latents of `encode` as a clip of one frame."""
        vae = self.pipe.vae
        pixels = vae.decode(latents.to(vae.dtype), num_frames=1).sample
        return cast(torch.Tensor, (pixels.float() / 2 + 0.5).clamp(0, 1))

    def sigma(self, t: float) -> float:
        """Noise level of `t`, where the latents have unit variance; t runs along the levels the sampler visits."""
        return karras_level(t, self._sigma_min, self._sigma_max)

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
        """One pass of the U-Net on `clip_latents + sigma(t) * noise`; the prompt is not read.

        The prediction is v = (noise - sigma * clip) / sqrt(sigma^2 + 1) and the loss its mean squared error, which is
        the weighting of Karras et al. The photo's own noise augmentation is drawn from a generator seeded by `noise`,
        so that a call is a function of its arguments. It goes before the VAE, and the latents of `encoded` are without
        it, so of that only the tokens are used, and what an earlier pass was conditioned on. Where the largest guidance
        scale is 1 or less, one branch runs alone, as in the sampler.

        Raises:
            ValueError: if `noise` has another shape than `clip_latents`, or a layer is unknown.
        """
        del prompt
        guided = guided and self.settings.max_guidance_scale > 1
        if noise.shape != clip_latents.shape:
            raise ValueError(f"noise of shape {tuple(noise.shape)} for latents of {tuple(clip_latents.shape)}")
        sigma = self.sigma(t)
        clip, noise = clip_latents.to(self.pipe.device).float(), noise.to(self.pipe.device).float()
        latents = None if encoded is None else encoded.conditioned
        if latents is None:
            augmentation = _noise_like(image, seeded_by=noise) * self.settings.noise_aug_strength
            latents = self._posterior_mode(image * 2 - 1 + augmentation)
        known = None if encoded is None else encoded.tokens
        tokens = image_tokens(self.pipe, image) if known is None else known
        noised = clip + sigma * noise
        with captured(self._layers, capture, self._attentions, 1 + guided) as features:
            prediction = self.predict(noised, sigma, latents, tokens, guided=guided)
        if guided:
            features = {name: value.chunk(2)[1] for name, value in features.items()}
        root = (sigma**2 + 1) ** 0.5
        target = (noise - sigma * clip) / root
        clean = noised / root**2 - sigma / root * prediction
        loss = torch.mean((prediction - target) ** 2)
        return Denoised(loss, prediction, features, latents, clean, (noised - clean) / sigma)

    def predict(
        self, noised: torch.Tensor, sigma: float, latents: torch.Tensor, tokens: torch.Tensor, *, guided: bool
    ) -> torch.Tensor:
        """The U-Net's v-prediction (1, T, C, h, w) for noised latents of that shape.

        Args:
            noised: Clip latents plus noise of standard deviation `sigma`.
            sigma: Noise level.
            latents: (1, C, h, w) image latents.
            tokens: (1, K, D) image tokens.
            guided: Run both branches, unconditional first, and combine them frame by frame.
        """
        settings, unet = self.settings, self.pipe.unet
        if guided:
            latents = torch.cat([torch.zeros_like(latents), latents])
            tokens = torch.cat([torch.zeros_like(tokens), tokens])
        branches = latents.shape[0]
        scaled = (noised / (sigma**2 + 1) ** 0.5).expand(branches, -1, -1, -1, -1)
        beside = latents[:, None].expand(-1, scaled.shape[1], -1, -1, -1)
        micro = self.pipe._get_add_time_ids(
            settings.fps - 1, settings.motion_bucket_id, settings.noise_aug_strength, unet.dtype, 1, 1, guided
        )
        prediction = unet(
            torch.cat([scaled.to(unet.dtype), beside.to(unet.dtype)], dim=2),
            torch.tensor(0.25 * np.log(sigma), dtype=torch.float32, device=unet.device),
            encoder_hidden_states=tokens.to(unet.dtype),
            added_time_ids=micro.to(unet.device),
            return_dict=False,
        )[0].float()
        if not guided:
            return cast(torch.Tensor, prediction)
        unconditional, conditional = prediction.chunk(2)
        weight = torch.linspace(settings.min_guidance_scale, settings.max_guidance_scale, scaled.shape[1])
        weight = weight.to(prediction.device)[None, :, None, None, None]
        return cast(torch.Tensor, unconditional + weight * (conditional - unconditional))

    def _posterior_mode(self, pixels: torch.Tensor) -> torch.Tensor:
        vae = self.pipe.vae
        return cast(torch.Tensor, vae.encode(pixels.to(vae.device, vae.dtype)).latent_dist.mode().float())


def _sampled_range(scheduler: EulerDiscreteScheduler, steps: int) -> tuple[float, float]:
    """Smallest and largest noise level of a generation; asked of a copy, as setting timesteps changes a scheduler."""
    copy = EulerDiscreteScheduler.from_config(scheduler.config)
    copy.set_timesteps(steps)
    levels = copy.sigmas[copy.sigmas > 0]
    return float(levels.min()), float(levels.max())


def _noise_like(image: torch.Tensor, *, seeded_by: torch.Tensor) -> torch.Tensor:
    digest = hashlib.sha256(seeded_by.cpu().numpy().tobytes()).digest()
    generator = torch.Generator("cpu").manual_seed(int.from_bytes(digest[:7], "big"))
    return torch.randn(image.shape, generator=generator).to(image)
