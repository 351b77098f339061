"""The five networks of DynamiCrafter as one module, whose `state_dict` is that of the published checkpoints.

Latents here are scaled: those of the autoencoder times the configuration's `scale_factor`.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from antibench.models.dynamicrafter.clip_pixels import clip_pixels
from antibench.models.dynamicrafter.clip_towers import ImageTower, TextTower
from antibench.models.dynamicrafter.config import DynamiCrafterConfig
from antibench.models.dynamicrafter.first_stage import FirstStage
from antibench.models.dynamicrafter.resampler import Resampler
from antibench.models.dynamicrafter.schedule import Schedule, schedule_buffers
from antibench.models.dynamicrafter.unet import UNet3D


class DynamiCrafterNetworks(nn.Module):
    """U-Net, image autoencoder, both CLIP towers, image projector and schedule."""

    def __init__(self, config: DynamiCrafterConfig) -> None:
        super().__init__()
        self.config = config
        self.model = nn.ModuleDict({"diffusion_model": UNet3D(config.unet)})
        self.first_stage_model = FirstStage(config.first_stage)
        self.cond_stage_model = TextTower(config.clip)
        self.embedder = ImageTower(config.clip)
        self.image_proj_model = Resampler(config.image_projector)
        self._schedule = schedule_buffers(config.diffusion)
        for name, values in self._schedule.items():
            self.register_buffer(name, values)

    @property
    def unet(self) -> UNet3D:
        """The denoiser."""
        return cast(UNet3D, self.model["diffusion_model"])

    @property
    def vae_encoder(self) -> nn.Module:
        """The autoencoder's encoder, whose stages can be captured."""
        return cast(nn.Module, self.first_stage_model.vae.encoder)

    @property
    def schedule(self) -> Schedule:
        """The noise schedule, as the weights have it."""
        buffers = {name: cast(Tensor, getattr(self, name)) for name in self._schedule}
        return Schedule.of_buffers(buffers, self.config.diffusion.parameterization)

    def text_tokens(self, prompts: list[str]) -> Tensor:
        """(B, 77, C); the empty prompt is the unconditional one."""
        tokens = self.cond_stage_model.tokenize(prompts)
        return cast(Tensor, self.cond_stage_model(tokens.to(self.image_proj_model.latents.device)))

    def image_tokens(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] to (B, tokens, C), differentiable; of zeros for the unconditional branch.

        Pictures may be of a longer type than the weights: they are rounded after blur and resizing.
        """
        prepared = clip_pixels(pixels, self.embedder.image_size).to(self.image_proj_model.latents.dtype)
        return cast(Tensor, self.image_proj_model(self.embedder.tokens(prepared)))

    def image_latent(self, pixels: Tensor, draws: torch.Generator | None = None) -> Tensor:
        """(B, 3, H, W) in [-1, 1] to a scaled latent (B, C, h, w), differentiable.

        Args:
            pixels: The pictures.
            draws: On the CPU; draws a sample of the posterior, as generation does. Its mean if None.
        """
        posterior = self.first_stage_model.encode(pixels)
        latent = posterior.mean if draws is None else posterior.sample(draws)
        return cast(Tensor, latent * self.config.diffusion.scale_factor)

    def decode(self, latents: Tensor) -> Tensor:
        """Scaled latents (B, C, T, h, w) to pixels (B, 3, T, H, W) in [-1, 1], frame by frame; differentiable."""
        clips = []
        for clip in latents / self.config.diffusion.scale_factor:
            frames = [self.first_stage_model.decode(frame[None]) for frame in clip.transpose(0, 1)]
            clips.append(torch.cat(frames).transpose(0, 1))
        return torch.stack(clips).clamp(-1, 1)
