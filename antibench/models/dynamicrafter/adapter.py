"""DynamiCrafter behind the `VideoModel` contract.

The picture enters the U-Net twice, as a latent beside every noised frame and as image tokens through cross-attention.
Guidance runs over the tokens, text and image together: the unconditional branch reads the empty caption and the tokens
of a mid-grey picture. It may be held to the image tokens; then the caption is in both branches, as the latent and the
number of frames per second always are.

Source: Xing et al. 2023 (arXiv 2310.12190); sampling of `ddim.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from antibench.contracts import Denoised, Encoded, FramesU8, ImageU8, ModelSpec
from antibench.models.attention_maps import temporal_attentions
from antibench.models.dynamicrafter.conditioning import Conditioning, beside
from antibench.models.dynamicrafter.ddim import DDIM, Guidance, Spacing
from antibench.models.dynamicrafter.schedule import Schedule
from antibench.models.dynamicrafter.transformers import TemporalBlock
from antibench.models.dynamicrafter.unet import UNet3D
from antibench.models.layers import captured, encoder_layers
from antibench.models.remembered import remembered
from antibench.pixels import fit, frames_to_u8, to_float

CLIP_CHUNK = 8
"""Frames that go through the image encoder of the autoencoder at once."""


class Networks(Protocol):
    """What the adapter needs of a model: `DynamiCrafterNetworks`, or the small model's counterpart.

    Pictures are (B, 3, H, W) in [-1, 1]; latents are scaled.
    """

    @property
    def unet(self) -> UNet3D:
        """The denoiser."""
        ...

    @property
    def vae_encoder(self) -> nn.Module:
        """The encoder of an autoencoder of diffusers."""
        ...

    @property
    def schedule(self) -> Schedule:
        """The noise schedule."""
        ...

    def text_tokens(self, prompts: list[str]) -> Tensor:
        """(B, text tokens, C)."""
        ...

    def image_tokens(self, pixels: Tensor) -> Tensor:
        """Of float32 pictures, whatever the type of the weights: (B, image tokens, C)."""
        ...

    def image_latent(self, pixels: Tensor, draws: torch.Generator | None = None) -> Tensor:
        """Mean of the posterior (B, C, h, w), or with a generator a sample."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """(B, C, T, h, w) to (B, 3, T, H, W) in [-1, 1]."""
        ...


@dataclass(frozen=True)
class DynamiCrafterSettings:
    """How clips are sampled."""

    size: tuple[int, int]
    """(height, width)."""
    frames: int
    steps: int
    fs: float
    """What the U-Net is told of the speed: frames per second, of the 256 model the stride between frames."""
    guidance_scale: float = 7.5
    """At 1 guidance is off."""
    caption_guided: bool = True
    """Whether guidance runs over the caption as well, as published, or over the image tokens alone."""
    guidance_rescale: float = 0.7
    spacing: Spacing = "uniform_trailing"
    eta: float = 1.0
    """Share of the noise of ancestral sampling that a step adds."""
    fps: float = 8.0
    sample_posterior: bool = True
    """Whether generation draws the photo's latent from its posterior, as the original does, or takes the mean."""


class DynamiCrafter:
    """An image-to-video model around the networks of DynamiCrafter (`antibench.contracts.VideoModel`)."""

    frame_axis = 2

    def __init__(self, networks: Networks, settings: DynamiCrafterSettings, spec: ModelSpec) -> None:
        """Take over loaded networks: their weights are frozen.

        Raises:
            ValueError: if the schedule has no such steps.
        """
        cast(nn.Module, networks).eval().requires_grad_(False)
        self.networks = networks
        self.settings = settings
        self.name = spec.name
        self.version = spec.version
        self.card = spec.card
        self.gives = spec.gives
        self.size = settings.size
        self.frames = settings.frames
        self.fps = settings.fps
        self._layers = unet_layers(networks.unet)
        self._vae_layers = encoder_layers(networks.vae_encoder)
        self._attentions = temporal_attentions(self._layers, TemporalBlock, ("attn1", "attn2"))
        self.layers = tuple(self._layers)
        self.attentions = tuple(self._attentions)
        self.vae_layers = tuple(self._vae_layers)
        self._guidance = Guidance(settings.guidance_scale, settings.guidance_rescale)
        self._schedule = networks.schedule
        self._sampler = DDIM.of(self._schedule, settings.steps, settings.spacing, settings.eta)
        weights = next(networks.unet.parameters())
        self._device, self._dtype = weights.device, weights.dtype
        self._text = remembered(self._encoded_text)
        with torch.no_grad():
            self._null_tokens = networks.image_tokens(torch.zeros(1, 3, *settings.size, device=self._device))
            self._null = self._context("", self._null_tokens)

    @torch.no_grad()
    def generate(self, image: ImageU8, prompt: str, seed: int) -> FramesU8:
        """Animate a photo by DDIM. The seed's noise is that of the photo's posterior, the start, then each step's."""
        draws = torch.Generator("cpu").manual_seed(seed)
        pixels = self._pixels(to_float(fit(image, self.size).copy()))  # torch warns of an array that is read-only
        latent = self._latent(pixels, draws if self.settings.sample_posterior else None)
        shape = (1, latent.shape[1], self.frames, *latent.shape[2:])
        conditioning = self.conditioning(latent, self._tokens(pixels), prompt, guided=True)

        def gaussian() -> Tensor:
            return torch.randn(shape, generator=draws).to(self._device)

        clip = self._sampler.sample(gaussian(), lambda noised, t: self.predict(noised, t, conditioning), gaussian)
        frames = self.networks.decode(clip.to(self._dtype))[0].transpose(0, 1)
        return frames_to_u8(frames.float() / 2 + 0.5)

    def encode(self, image: Tensor, *, capture: Sequence[str] = ()) -> Encoded:
        """Both image encoders: latents (1, C, h, w), scaled; tokens (1, K, D); features (1, C, h, w)."""
        pixels = self._pixels(image)
        with captured(self._vae_layers, capture) as features:
            latents = self._latent(pixels)
        return Encoded(latents, features, self._tokens(pixels))

    @torch.no_grad()
    def encode_clip(self, frames: FramesU8) -> Tensor:
        """Latents (1, C, T, h, w) of a clip at the model's size and length, scaled.

        Raises:
            ValueError: for a clip of another size or length.
        """
        if frames.shape[:3] != (self.frames, *self.size):
            raise ValueError(f"{self.name} takes clips of {(self.frames, *self.size)}, not {frames.shape[:3]}")
        chunks = torch.split(self._pixels(to_float(frames)), CLIP_CHUNK)
        return torch.cat([self._latent(chunk) for chunk in chunks]).transpose(0, 1)[None]

    def encode_still(self, image: Tensor) -> Tensor:
        """As `encode_clip`, of a clip of copies of the photo, which is encoded once; differentiable."""
        return self._latent(self._pixels(image))[:, :, None].expand(-1, -1, self.frames, -1, -1)

    def decode_image(self, latents: Tensor) -> Tensor:
        """Decode (1, C, h, w) latents of `encode` as a clip of one frame."""
        pixels = self.networks.decode(latents[:, :, None].to(self._dtype))[:, :, 0]
        return (pixels.float() / 2 + 0.5).clamp(0, 1)

    def timestep(self, t: float) -> int:
        """Training timestep of `t`, uniform over all of them."""
        levels = len(self._schedule.alphas_cumprod)
        return min(int(t * levels), levels - 1)

    def denoise(
        self,
        image: Tensor,
        prompt: str,
        *,
        clip_latents: Tensor,
        t: float,
        noise: Tensor,
        guided: bool = False,
        capture: Sequence[str] = (),
        encoded: Encoded | None = None,
    ) -> Denoised:
        """One pass of the U-Net on the clip noised to `timestep(t)`.

        The loss is the mean squared error of what the network is trained to predict, v (256: the noise). Where the
        guidance scale is 1, one branch runs alone, as in the sampler.

        Raises:
            ValueError: if `noise` has another shape than `clip_latents`, or a layer is unknown.
        """
        guided = guided and self._guidance.scale != 1
        if noise.shape != clip_latents.shape:
            raise ValueError(f"noise of shape {tuple(noise.shape)} for latents of {tuple(clip_latents.shape)}")
        clip, noise = clip_latents.to(self._device).float(), noise.to(self._device).float()
        step = self.timestep(t)
        steps = torch.tensor([step], device=self._device)
        known = self.encode(image) if encoded is None else encoded
        conditioning = self.conditioning(known.latents, cast(Tensor, known.tokens), prompt, guided=guided)
        with captured(self._layers, capture, self._attentions, 1 + guided) as features:
            noised = self._schedule.noised(clip, noise, steps)
            prediction = self.predict(noised, step, conditioning)
        if guided:
            features = {name: value.chunk(2)[1] for name, value in features.items()}
        target = self._schedule.target(clip, noise, steps)
        scaled, implied = self._schedule.split(noised, prediction, steps)
        clean = self._schedule.unscaled(scaled, steps)
        loss = torch.mean((prediction - target) ** 2)
        return Denoised(loss, prediction, features, known.latents, clean, implied)

    def conditioning(self, latent: Tensor, tokens: Tensor, prompt: str, *, guided: bool) -> Conditioning:
        """What the U-Net is told, in one row, or with guidance in two: the unconditional one first.

        Args:
            latent: (1, C, h, w), the photo's, scaled.
            tokens: (1, K, D), the photo's.
            prompt: Caption of the conditional row.
            guided: Add the unconditional row, unless the guidance scale is 1.
        """
        context = self._context(prompt, tokens)
        if guided and self._guidance.scale != 1:
            null = self._null if self.settings.caption_guided else self._context(prompt, self._null_tokens)
            context = torch.cat([null, context])
        rows = context.shape[0]
        fs = torch.full((rows,), self.settings.fs, device=self._device)
        return Conditioning(context, latent.expand(rows, -1, -1, -1), fs)

    def predict(self, noised: Tensor, timestep: int, conditioning: Conditioning) -> Tensor:
        """The prediction (1, C, T, h, w) for noised latents of that shape; guided if there are two rows."""
        rows = conditioning.context.shape[0]
        steps = torch.full((rows,), timestep, device=self._device)
        context, latent, fs = conditioning
        joined = beside(noised.expand(rows, -1, -1, -1, -1).to(self._dtype), latent)
        prediction: Tensor = self.networks.unet(joined, steps, context, fs).float()
        if rows == 1:
            return prediction
        unconditional, conditional = prediction.chunk(2)
        return self._guidance(conditional, unconditional)

    def _context(self, prompt: str, tokens: Tensor) -> Tensor:
        text = self._text(prompt)
        return torch.cat([text, tokens.to(text.dtype)], dim=1)

    @torch.no_grad()
    def _encoded_text(self, prompt: str) -> Tensor:
        return self.networks.text_tokens([prompt])

    def _pixels(self, image: Tensor) -> Tensor:
        """To [-1, 1] on the device, in float32: bfloat16 would move a value by up to a quarter of an 8-bit level."""
        return image.to(self._device).float() * 2 - 1

    def _tokens(self, pixels: Tensor) -> Tensor:
        return self.networks.image_tokens(pixels)

    def _latent(self, pixels: Tensor, draws: torch.Generator | None = None) -> Tensor:
        return self.networks.image_latent(pixels.to(self._dtype), draws).float()


def unet_layers(unet: UNet3D) -> dict[str, nn.Module]:
    """The stages of the U-Net in the order they run, by their names in the checkpoints."""
    layers: dict[str, nn.Module] = {}
    for i, stage in enumerate(unet.input_blocks):
        layers[f"input_blocks.{i}"] = stage
        if i == 0 and unet.config.addition_attention:
            layers["init_attn"] = unet.init_attn
    layers["middle_block"] = unet.middle_block
    return layers | {f"output_blocks.{i}": stage for i, stage in enumerate(unet.output_blocks)}
