"""A CogVideoX VAE that sees every frame of a clip as a photo of its own.

The VAE of CogVideoX folds four frames into one latent, and a small transformer does not learn to unfold a turning head:
clips start as good as the VAE and lose the person on their way. Frame by frame the same weights keep more of the person
(a clip of one frame is what they know best), and the latents of a clip are as easy to read as those of a photo.
"""

from __future__ import annotations

from typing import cast

from diffusers import AutoencoderKLCogVideoX
from diffusers.models.autoencoders.vae import DecoderOutput, DiagonalGaussianDistribution
from diffusers.models.modeling_outputs import AutoencoderKLOutput
from torch import Tensor


class FramewiseAutoencoderKLCogVideoX(AutoencoderKLCogVideoX):  # type: ignore[misc]
    """`AutoencoderKLCogVideoX` with one latent a frame; its `temporal_compression_ratio` must be told to be 1."""

    def encode(self, x: Tensor, return_dict: bool = True) -> AutoencoderKLOutput | tuple[DiagonalGaussianDistribution]:
        """A clip (B, 3, T, H, W) in [-1, 1] to a distribution of latents (B, C, T, h, w)."""
        (photos,) = super().encode(_apart(x), return_dict=False)
        clip = DiagonalGaussianDistribution(_together(photos.parameters, len(x)))
        return AutoencoderKLOutput(latent_dist=clip) if return_dict else (clip,)

    def decode(self, z: Tensor, return_dict: bool = True) -> DecoderOutput | tuple[Tensor]:
        """Latents (B, C, T, h, w) to a clip (B, 3, T, H, W)."""
        (photos,) = cast(tuple[Tensor], super().decode(_apart(z), return_dict=False))
        clip = _together(photos, len(z))
        return DecoderOutput(sample=clip) if return_dict else (clip,)


def _apart(clips: Tensor) -> Tensor:
    """(B, C, T, H, W) to (B * T, C, 1, H, W)."""
    return clips.transpose(1, 2).flatten(0, 1)[:, :, None]


def _together(photos: Tensor, count: int) -> Tensor:
    """(B * T, C, 1, H, W) to (B, C, T, H, W)."""
    frames = photos[:, :, 0]
    return frames.reshape(count, -1, *frames.shape[1:]).transpose(1, 2)
