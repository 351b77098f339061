"""The VAE of Wan, which Cosmos-Predict2 uses too: normalised latents of a clip, and back."""

from __future__ import annotations

from typing import Any, cast

import torch


def clip_latents(vae: Any, pixels: torch.Tensor) -> torch.Tensor:
    """Mean of the posterior, normalised, in float32.

    The first latent frame stands for the first frame of the clip alone, whatever comes after it.

    Args:
        vae: An `AutoencoderKLWan`.
        pixels: (1, 3, T, H, W) in [-1, 1].

    Returns:
        (1, C, F, h, w).
    """
    mode = vae.encode(pixels.to(vae.device, vae.dtype)).latent_dist.mode().float()
    mean, std = _moments(vae, mode)
    return cast(torch.Tensor, (mode - mean) / std)


def clip_pixels(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    """(1, C, F, h, w), normalised, to (1, 3, T, H, W) in about [-1, 1], of the VAE's dtype."""
    mean, std = _moments(vae, latents)
    return cast(torch.Tensor, vae.decode((latents * std + mean).to(vae.dtype)).sample)


def _moments(vae: Any, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    mean, std = (
        torch.tensor(values, device=like.device)[None, :, None, None, None]
        for values in (vae.config.latents_mean, vae.config.latents_std)
    )
    return mean, std
