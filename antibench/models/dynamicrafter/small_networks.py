"""The networks of an embedded DynamiCrafter: the real U-Net, projector and schedule, between small encoders."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from antibench.models.dynamicrafter.schedule import Schedule
from antibench.models.dynamicrafter.unet import UNet3D
from antibench.zoo.networks import CaptionPhotoEncoder


class SmallNetworks(nn.Module):
    """What `DynamiCrafterNetworks` is to a published model; latents are scaled here too.

    Two parts have another maker: the autoencoder is that of a small Stable Video Diffusion, which decodes the frames of
    a clip together, and EfficientNet-Lite0 stands where CLIP stands.
    """

    def __init__(self, vae: nn.Module, unet: UNet3D, encoder: CaptionPhotoEncoder, schedule: Schedule) -> None:
        super().__init__()
        self.vae: Any = vae
        self.unet = unet
        self.encoder = encoder
        self.schedule = schedule

    @property
    def vae_encoder(self) -> nn.Module:
        """The autoencoder's encoder, whose stages can be captured."""
        return cast(nn.Module, self.vae.encoder)

    def text_tokens(self, prompts: list[str]) -> Tensor:
        """(B, 12, C); the empty prompt is the unconditional one."""
        tokens: Tensor = self.encoder.captions(prompts)
        return tokens

    def image_tokens(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] to (B, tokens, C), differentiable; of zeros for the unconditional branch."""
        tokens: Tensor = self.encoder(pixels / 2 + 0.5)
        return tokens

    def image_latent(self, pixels: Tensor, draws: torch.Generator | None = None) -> Tensor:
        """(B, 3, H, W) in [-1, 1] to a scaled latent (B, C, h, w), differentiable.

        Args:
            pixels: The pictures.
            draws: On the CPU; draws a sample of the posterior. Its mean if None.
        """
        posterior = self.vae.encode(pixels).latent_dist
        latent = posterior.mean if draws is None else posterior.sample(draws)
        return cast(Tensor, latent * self.vae.config.scaling_factor)

    def decode(self, latents: Tensor) -> Tensor:
        """Scaled latents (B, C, T, h, w) to pixels (B, 3, T, H, W) in [-1, 1]; differentiable."""
        batch, _, frames = latents.shape[:3]
        flat = (latents / self.vae.config.scaling_factor).transpose(1, 2).flatten(0, 1)
        pixels: Tensor = self.vae.decode(flat, num_frames=frames).sample
        return pixels.reshape(batch, frames, *pixels.shape[1:]).transpose(1, 2).clamp(-1, 1)
