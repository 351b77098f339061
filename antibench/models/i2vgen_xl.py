"""I2VGen-XL behind the `VideoModel` contract.

The photo enters three times: its VAE latent goes through convolutions beside every noised frame and, apart, into the
cross-attention, and CLIP's embedding of it goes into the cross-attention as well. Guidance runs over caption and CLIP
embedding, the unconditional branch seeing the negative prompt and zeros; the latent is in both branches. `generate`
calls the pipeline of diffusers as anyone would; the differentiable half repeats its arithmetic, and tests hold the two
together.

Source: Zhang et al. 2023 (arXiv 2311.04145); v-prediction of Salimans and Ho 2022 (arXiv 2202.00512).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from diffusers import I2VGenXLPipeline
from PIL import Image
from torch.nn import functional as F

from antibench.contracts import Denoised, Encoded, FramesU8, ImageU8, ModelSpec
from antibench.models.clip_view import normalised, shrunk
from antibench.models.layers import captured, encoder_layers, unet_layers
from antibench.pixels import fit, to_float


@dataclass(frozen=True)
class I2VGenXLSettings:
    """How the pipeline is called."""

    size: tuple[int, int]
    """(height, width)."""
    frames: int
    steps: int
    fps: int = 16
    guidance_scale: float = 9.0
    negative_prompt: str = ""


class I2VGenXL:
    """An image-to-video model around a pipeline of diffusers (`antibench.contracts.VideoModel`)."""

    frame_axis = 2
    attentions: tuple[str, ...] = ()

    def __init__(self, pipe: I2VGenXLPipeline, settings: I2VGenXLSettings, spec: ModelSpec) -> None:
        """Take over a loaded pipeline: its weights are frozen and its progress bar is turned off.

        Raises:
            ValueError: if the scheduler is not one of v-prediction.
        """
        if pipe.scheduler.config.prediction_type != "v_prediction":
            raise ValueError(f"{spec.name} needs a scheduler with v-prediction")
        for part in (pipe.vae, pipe.text_encoder, pipe.image_encoder, pipe.unet):
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
        self._layers = unet_layers(pipe.unet, kinds=("temp_attentions", "temp_convs"))
        self._vae_layers = encoder_layers(pipe.vae.encoder)
        self.layers = tuple(self._layers)
        self.vae_layers = tuple(self._vae_layers)

    def generate(self, image: ImageU8, prompt: str, seed: int) -> FramesU8:
        """Animate a photo with the pipeline's own sampler.

        The pipeline draws the photo's latent from a global generator, which is seeded for the call and put back.
        """
        settings, device = self.settings, self.pipe.device
        height, width = settings.size
        negative, positive = self._text(prompt, guided=True).chunk(2)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            clip = self.pipe(
                prompt_embeds=positive,
                negative_prompt_embeds=negative,
                image=Image.fromarray(fit(image, settings.size)),
                height=height,
                width=width,
                target_fps=settings.fps,
                num_frames=settings.frames,
                num_inference_steps=settings.steps,
                guidance_scale=settings.guidance_scale,
                generator=torch.Generator("cpu").manual_seed(seed),
            ).frames[0]
        return cast(FramesU8, np.stack([np.asarray(frame) for frame in clip]))

    def encode(self, image: torch.Tensor, *, capture: Sequence[str] = ()) -> Encoded:
        """Both image encoders: latents (1, C, h, w), times the VAE's scaling factor; CLIP's embedding as one token
        (1, 1, D); features (1, C, h, w)."""
        with captured(self._vae_layers, capture) as features:
            latents = self._posterior_mode(image * 2 - 1)
        encoder = self.pipe.image_encoder
        pixels = self._clip_pixels(image).to(encoder.device, encoder.dtype)
        return Encoded(latents, features, encoder(pixels).image_embeds[:, None])

    @torch.no_grad()
    def encode_clip(self, frames: FramesU8) -> torch.Tensor:
        """Latents (1, C, T, h, w) of a clip at the model's size and length, times the VAE's scaling factor.

        Raises:
            ValueError: for a clip of another size or length.
        """
        if frames.shape[:3] != (self.frames, *self.size):
            raise ValueError(f"{self.name} takes clips of {(self.frames, *self.size)}, not {frames.shape[:3]}")
        pixels = to_float(frames) * 2 - 1
        latents = torch.cat([self._posterior_mode(frame) for frame in torch.split(pixels, 1)])
        return latents.transpose(0, 1)[None]

    def encode_still(self, image: torch.Tensor) -> torch.Tensor:
        """As `encode_clip`, of a clip of copies of the photo, which is encoded once; differentiable."""
        return self._posterior_mode(image * 2 - 1)[:, :, None].expand(-1, -1, self.frames, -1, -1)

    def decode_image(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode (1, C, h, w) latents of `encode` to a (1, 3, H, W) image in [0, 1]."""
        vae = self.pipe.vae
        pixels = vae.decode((latents / vae.config.scaling_factor).to(vae.dtype)).sample
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
        """One pass of the U-Net on the clip noised to `timestep(t)`.

        The prediction is v = sqrt(a) * noise - sqrt(1 - a) * clip and the loss its mean squared error. Where the
        guidance scale is 1 or less, one branch runs alone, as in the sampler.

        Raises:
            ValueError: if `noise` has another shape than `clip_latents`, or a layer is unknown.
        """
        guided = guided and self.settings.guidance_scale > 1
        if noise.shape != clip_latents.shape:
            raise ValueError(f"noise of shape {tuple(noise.shape)} for latents of {tuple(clip_latents.shape)}")
        clip, noise = clip_latents.to(self.pipe.device).float(), noise.to(self.pipe.device).float()
        step = self.timestep(t)
        a = float(self.pipe.scheduler.alphas_cumprod[step])
        kept, added = a**0.5, (1 - a) ** 0.5
        known = self.encode(image) if encoded is None else encoded
        noised = kept * clip + added * noise
        with captured(self._layers, capture) as features:
            prediction = self.predict(noised, step, known, prompt, guided=guided)
        if guided:
            features = {name: value.chunk(2)[1] for name, value in features.items()}
        loss = torch.mean((prediction - (kept * noise - added * clip)) ** 2)
        clean, implied = kept * noised - added * prediction, kept * prediction + added * noised
        return Denoised(loss, prediction, features, known.latents, clean, implied)

    def predict(
        self, noised: torch.Tensor, timestep: int, encoded: Encoded, prompt: str, *, guided: bool
    ) -> torch.Tensor:
        """The U-Net's v-prediction (1, C, T, h, w) for noised latents of that shape.

        Args:
            noised: Clip latents at the noise level of `timestep`.
            timestep: Training timestep.
            encoded: What `encode` made of the photo: latents (1, C, h, w), tokens (1, 1, D).
            prompt: Caption of the conditional branch; the other one sees the negative prompt.
            guided: Run both branches, unconditional first, and combine them.
        """
        unet, frames = self.pipe.unet, noised.shape[2]
        tokens, text = cast(torch.Tensor, encoded.tokens), self._text(prompt, guided=guided)
        if guided:
            tokens = torch.cat([torch.zeros_like(tokens), tokens])
        photo = encoded.latents[:, :, None].expand(-1, -1, frames, -1, -1)
        # The U-Net reads the place in time of the later frames where the latent of the first one is.
        place = torch.arange(frames, device=photo.device)[None, None, :, None, None] / max(frames - 1, 1)
        beside = torch.where(place == 0, photo, place)
        branches = text.shape[0]
        prediction = unet(
            noised.expand(branches, -1, -1, -1, -1).to(unet.dtype),
            torch.tensor(timestep, device=noised.device),
            fps=torch.full((branches,), self.settings.fps, device=noised.device),
            image_latents=beside.expand(branches, -1, -1, -1, -1).to(unet.dtype),
            image_embeddings=tokens.to(unet.dtype),
            encoder_hidden_states=text,
            return_dict=False,
        )[0].float()
        if not guided:
            return cast(torch.Tensor, prediction)
        unconditional, conditional = prediction.chunk(2)
        return cast(torch.Tensor, unconditional + self.settings.guidance_scale * (conditional - unconditional))

    @torch.no_grad()
    def _text(self, prompt: str, *, guided: bool) -> torch.Tensor:
        """(1, L, D), or with guidance (2, L, D), the negative prompt first.

        It is what the pipeline makes of its default, the second last layer under the final norm. The pipeline's own
        way to that norm ends at transformers 5, which took the wrapper around the encoder away.
        """
        tokenizer, encoder = self.pipe.tokenizer, self.pipe.text_encoder
        prompts = [self.settings.negative_prompt, prompt] if guided else [prompt]
        ids = tokenizer(
            prompts, padding="max_length", max_length=tokenizer.model_max_length, truncation=True, return_tensors="pt"
        ).input_ids
        states = encoder(ids.to(encoder.device), output_hidden_states=True).hidden_states
        text = getattr(encoder, "text_model", encoder).final_layer_norm(states[-2])
        return cast(torch.Tensor, text.to(self.pipe.unet.dtype))

    def _clip_pixels(self, image: torch.Tensor) -> torch.Tensor:
        """The square around the photo's centre, as wide as the frame, at CLIP's size."""
        height, width = image.shape[-2:]
        if height < width:  # the pipeline enlarges a flat photo first, each pixel to a box
            scale = height / width
            image = F.interpolate(image, size=(round(height // scale), round(width // scale)), mode="nearest-exact")
        top, left = (image.shape[-2] - width) // 2, (image.shape[-1] - width) // 2
        size = self.pipe.feature_extractor.crop_size
        square = image[..., top : top + width, left : left + width]
        return normalised(self.pipe.feature_extractor, shrunk(square, (size["height"], size["width"]), "bilinear"))

    def _posterior_mode(self, pixels: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, C, h, w), scaled."""
        vae = self.pipe.vae
        mode = vae.encode(pixels.to(vae.device, vae.dtype)).latent_dist.mode()
        return cast(torch.Tensor, mode.float() * vae.config.scaling_factor)
