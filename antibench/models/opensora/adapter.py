"""Open-Sora 1.2 behind the `VideoModel` contract.

The photo enters as the clip's first latent frame, which is kept clean; all other frames see it through the attention
across frames. Guidance runs over the text alone: the first frame is in both branches.

Source: Zheng et al. 2024 (arXiv 2412.20404), section 4; sampling of `rflow.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from antibench.contracts import Denoised, Encoded, FramesU8, ImageU8, ModelSpec
from antibench.models.layers import captured, encoder_layers
from antibench.models.opensora.frame_attention import temporal_attentions
from antibench.models.opensora.mask_strategy import apply_to_all
from antibench.models.opensora.networks import OpenSoraNetworks
from antibench.models.opensora.prompt import AESTHETIC, cleaned, with_scores
from antibench.models.opensora.rflow import LEVELS, RectifiedFlow, guided, noised, timesteps
from antibench.models.opensora.sizes import fps_of
from antibench.models.opensora.stdit3 import STDiT3
from antibench.models.opensora.text import Text
from antibench.models.remembered import remembered
from antibench.pixels import fit, frames_to_u8, to_float

IMAGE_TO_VIDEO = "0"
"""The mask strategy: the first latent frame is the photo's."""


@dataclass(frozen=True)
class OpenSoraSettings:
    """How clips are sampled."""

    size: tuple[int, int]
    """(height, width) of clips; whole patches of the autoencoder."""
    frames: int
    steps: int = 30
    told_size: tuple[int, int] | None = None
    """(height, width) that the network and its timesteps are told. Most published sizes are not whole patches, and
    their clips come out smaller. None: `size`."""
    guidance_scale: float = 7.0
    """At 1 guidance is off."""
    fps: float = 24.0
    aesthetic: float | None = AESTHETIC
    motion: float | None = None
    camera: str | None = None
    """Scores and camera motion that are added to prompts (`prompt.with_scores`)."""
    sample_posterior: bool = True
    """Whether generation draws the photo's latent from its posteriors, as the original does, or takes the means."""


class OpenSora:
    """An image-to-video model around the networks of Open-Sora 1.2 (`antibench.contracts.VideoModel`)."""

    frame_axis = 2

    def __init__(self, networks: OpenSoraNetworks, settings: OpenSoraSettings, spec: ModelSpec) -> None:
        """Take over loaded networks: their weights are frozen.

        Raises:
            ValueError: if clips of that size would come out in another, or have no frame beside the photo.
        """
        self._latent_size = networks.vae.latent_size(settings.frames, *settings.size)
        if any(side % networks.vae.patch for side in settings.size):
            raise ValueError(f"{spec.name} cannot make clips of {settings.size}: not multiples of {networks.vae.patch}")
        if self._latent_size[0] < 2:
            raise ValueError(f"{spec.name} cannot animate {settings.frames} frames: all would be the photo's")
        networks.eval().requires_grad_(False)
        self.networks = networks
        self.settings = settings
        self.name = spec.name
        self.version = spec.version
        self.card = spec.card
        self.gives = spec.gives
        self.size = settings.size
        self.frames = settings.frames
        self.fps = settings.fps
        self._layers = block_layers(networks.denoiser)
        self._vae_layers = encoder_layers(networks.vae.image_vae.encoder)
        self._attentions = temporal_attentions(networks.denoiser)
        self.layers = tuple(self._layers)
        self.attentions = tuple(self._attentions)
        self.vae_layers = tuple(self._vae_layers)
        weights = networks.denoiser.x_embedder.proj.weight
        self._device, self._dtype = weights.device, weights.dtype
        self._told_size = settings.told_size or settings.size
        self._text = remembered(self._encoded_text)
        self._timesteps = timesteps(settings.steps, self._told_size, settings.frames, self._dtype)

    @torch.no_grad()
    def generate(self, image: ImageU8, prompt: str, seed: int) -> FramesU8:
        """Animate a photo. The seed's noise is that of the photo's posteriors, then the start."""
        draws = torch.Generator("cpu").manual_seed(seed)
        pixels = self._pixels(to_float(fit(image, self.size).copy()))  # torch warns of an array that is read-only
        latent = self._latent(pixels, draws if self.settings.sample_posterior else None)
        noise = torch.randn((1, latent.shape[1], *self._latent_size), generator=draws).to(self._device)
        start, mask = apply_to_all([IMAGE_TO_VIDEO], noise, [[latent[0]]])
        text = self.conditioning(prompt, guided=True)

        def predict(z: Tensor, timestep: Tensor, active: Tensor | None) -> Tensor:
            return self.predict(z, timestep, text, active)

        clip = RectifiedFlow(self._timesteps, mask).sample(start, predict, lambda step: noise)
        frames = self.networks.vae.decode(clip.to(self._dtype), self.frames)[0].transpose(0, 1)
        return frames_to_u8(frames.float() / 2 + 0.5)

    def encode(self, image: Tensor, *, capture: Sequence[str] = ()) -> Encoded:
        """The autoencoder's view of a photo: latents (1, C, 1, h, w), normalised, as of a clip of one frame; features
        (1, C, h, w) of its image encoder."""
        with captured(self._vae_layers, capture) as features:
            latents = self._latent(self._pixels(image))
        return Encoded(latents, features, None)

    @torch.no_grad()
    def encode_clip(self, frames: FramesU8) -> Tensor:
        """Latents (1, C, t, h, w) of a clip at the model's size and length, normalised.

        Raises:
            ValueError: for a clip of another size or length.
        """
        if frames.shape[:3] != (self.frames, *self.size):
            raise ValueError(f"{self.name} takes clips of {(self.frames, *self.size)}, not {frames.shape[:3]}")
        return self._clip_latents(self._pixels(to_float(frames)).transpose(0, 1)[None])

    def encode_still(self, image: Tensor) -> Tensor:
        """As `encode_clip`, of a clip of copies of the photo; differentiable."""
        return self._clip_latents(self._pixels(image)[:, :, None].expand(-1, -1, self.frames, -1, -1))

    def decode_image(self, latents: Tensor) -> Tensor:
        """Decode (1, C, 1, h, w) latents of `encode` as a clip of one frame."""
        pixels = self.networks.vae.decode(latents.to(self._dtype), 1)[:, :, 0]
        return (pixels.float() / 2 + 0.5).clamp(0, 1)

    def timestep(self, t: float) -> float:
        """Timestep of `t`: the levels of a flow are the shares of noise themselves, up to 1000."""
        return t * LEVELS

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
        """One pass of the denoiser on the clip noised to `timestep(t)`, with the photo as its first latent frame.

        The loss is the mean squared error of the velocity, clip minus noise, over the frames that are noised, as in
        training. The prediction is zero at the photo's frame, `clean` the photo there and `noise` what was given. Where
        the guidance scale is 1, one branch runs alone, as in the sampler.

        Raises:
            ValueError: if `noise` has another shape than `clip_latents`, or a layer is unknown.
        """
        guided = guided and self.settings.guidance_scale != 1
        if noise.shape != clip_latents.shape:
            raise ValueError(f"noise of shape {tuple(noise.shape)} for latents of {tuple(clip_latents.shape)}")
        clip, noise = clip_latents.to(self._device).float(), noise.to(self._device).float()
        step = torch.tensor([self.timestep(t)], device=self._device)
        known = self.encode(image) if encoded is None else encoded
        text, active = self.conditioning(prompt, guided=guided), self._active(clip)
        z = torch.cat([known.latents, noised(clip, noise, step)[:, :, 1:]], dim=2)
        with captured(self._layers, capture, self._attentions, 1 + guided) as features:
            velocity = self.predict(z, step, text, active)
        if guided:
            features = {name: value.chunk(2)[0] for name, value in features.items()}
        loss = torch.mean((velocity - (clip - noise))[:, :, 1:] ** 2)
        share = step / LEVELS
        implied = torch.cat([noise[:, :, :1], (z - (1 - share) * velocity)[:, :, 1:]], dim=2)
        return Denoised(loss, velocity, features, known.latents, z + share * velocity, implied)

    def conditioning(self, prompt: str, *, guided: bool) -> Text:
        """What the denoiser reads: tokens in one row, or with guidance in two, the conditional one first, unless the
        guidance scale is 1. Both rows have as many tokens as the caption."""
        settings = self.settings
        asked = with_scores(prompt, settings.aesthetic, settings.motion, settings.camera)
        text = self._text(cleaned(asked))
        tokens = text.tokens
        if guided and settings.guidance_scale != 1:
            tokens = torch.cat([tokens, self.networks.null_text(1).to(tokens)])
        return Text(tokens, text.mask)

    def _encoded_text(self, prompt: str) -> Text:
        """A cleaned caption, encoded where the text encoder is, in the type and the place of the denoiser."""
        text = self.networks.text([prompt])
        return Text(text.tokens.to(self._device, self._dtype), text.mask.to(self._device))

    def predict(self, z: Tensor, timestep: Tensor, text: Text, active: Tensor | None) -> Tensor:
        """The velocity (1, C, t, h, w) for latents of that shape; guided if the text has two rows.

        Args:
            z: Noised where active, clean elsewhere.
            timestep: (1,), 0 to 1000.
            text: Of `conditioning`.
            active: (1, t) bool; elsewhere the velocity is zero. None: everywhere.
        """
        rows, channels = text.tokens.shape[0], z.shape[1]
        fps = fps_of(self.frames, self.fps)
        told = {"fps": fps, "height": self._told_size[0], "width": self._told_size[1]}
        prediction: Tensor = self.networks.denoiser(
            z.expand(rows, -1, -1, -1, -1),
            timestep.expand(rows),
            text.tokens,
            text.mask,
            None if active is None else active.expand(rows, -1),
            **{name: torch.full((rows,), float(value), device=self._device) for name, value in told.items()},
        ).float()
        velocity = prediction[:, :channels] if rows == 1 else guided(prediction, self.settings.guidance_scale, channels)
        return velocity if active is None else velocity * active[:, None, :, None, None]

    def _active(self, clip: Tensor) -> Tensor:
        """(1, t) bool: all but the first latent frame."""
        return (torch.arange(clip.shape[2], device=clip.device) > 0)[None]

    def _pixels(self, image: Tensor) -> Tensor:
        """To [-1, 1] on the device, in float32."""
        return image.to(self._device).float() * 2 - 1

    def _clip_latents(self, pixels: Tensor) -> Tensor:
        return self.networks.vae.encode(pixels.to(self._dtype)).float()

    def _latent(self, pixels: Tensor, draws: torch.Generator | None = None) -> Tensor:
        return self.networks.image_latent(pixels.to(self._dtype), draws).float()


def block_layers(denoiser: STDiT3) -> dict[str, nn.Module]:
    """The blocks in the order they run, by their names in the checkpoint."""
    layers: dict[str, nn.Module] = {}
    for i, (spatial, temporal) in enumerate(zip(denoiser.spatial_blocks, denoiser.temporal_blocks, strict=True)):
        layers[f"spatial_blocks.{i}"] = spatial
        layers[f"temporal_blocks.{i}"] = temporal
    return layers
