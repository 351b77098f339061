"""One way to put clips through the VAE of any family.

Three kinds: one of images with a decoder of clips (`AutoencoderKLTemporalDecoder`), one of clips (that of CogVideoX),
and Open-Sora's, which normalises its latents itself. Of the others latents are unscaled here: `latent_scale` is what
they are multiplied by for the denoiser.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers import AutoencoderKLTemporalDecoder
from torch import Tensor, nn

from antibench.models.opensora.vae import OpenSoraVAE

QUIET = -6.0
"""Logarithm of the variance that a fresh posterior is given."""
LEAST = 0.05
"""Least scale of a channel, as a share of the largest."""


def latent_scale(vae: Any) -> float:
    """What latents are multiplied by for the denoiser."""
    return 1.0 if isinstance(vae, OpenSoraVAE) else float(vae.config.scaling_factor)


def posterior(vae: Any, clips: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and logarithm of the variance of the latents, both (B, T', C, h, w) in float32.

    Args:
        vae: Of any kind.
        clips: (B, T, 3, H, W) in [-1, 1].
    """
    if isinstance(vae, OpenSoraVAE):
        # Of the latents of single frames the means: only a clip's own latents are drawn in training.
        parts = vae.posteriors(vae.spatial_latents(clips.transpose(1, 2)))
        mean, logvar = (torch.cat([getattr(part, name) for part in parts], 2) for name in ("mean", "logvar"))
        mean, logvar = (mean - vae.shift) / vae.scale, logvar - 2 * vae.scale.log()
    elif isinstance(vae, AutoencoderKLTemporalDecoder):
        of_frames = vae.encode(clips.flatten(0, 1)).latent_dist
        both = (of_frames.mean, of_frames.logvar)
        mean, logvar = (part.unflatten(0, clips.shape[:2]).transpose(1, 2) for part in both)
    else:
        of_clip = vae.encode(clips.transpose(1, 2)).latent_dist
        mean, logvar = of_clip.mean, of_clip.logvar
    return mean.transpose(1, 2).float(), logvar.transpose(1, 2).float()


@torch.no_grad()
def encode_clips(vae: Any, clips: Tensor) -> Tensor:
    """Posterior means of clips (B, T, 3, H, W) in [-1, 1]: (B, frames of the latent, C, h, w)."""
    return posterior(vae, clips)[0]


def decode_clips(vae: Any, latents: Tensor) -> Tensor:
    """Latents (B, T', C, h, w) to clips (B, T, 3, H, W) in [-1, 1]."""
    if isinstance(vae, OpenSoraVAE):
        frames = latents.shape[1] * vae.config.temporal_vae.frames_per_latent
        return vae.decode(latents.transpose(1, 2), frames).float().transpose(1, 2)
    if isinstance(vae, AutoencoderKLTemporalDecoder):
        count, frames = latents.shape[:2]
        pixels = vae.decode(latents.flatten(0, 1), num_frames=frames).sample.float()
        return pixels.view(count, frames, *pixels.shape[1:])  # type: ignore[no-any-return]
    return vae.decode(latents.transpose(1, 2)).sample.float().transpose(1, 2)  # type: ignore[no-any-return]


def folds(vae: Any) -> bool:
    """Whether a latent stands for several frames."""
    if isinstance(vae, OpenSoraVAE):
        return vae.config.temporal_vae.frames_per_latent > 1
    return not isinstance(vae, AutoencoderKLTemporalDecoder) and int(vae.config.temporal_compression_ratio) > 1


def encoder_parts(vae: Any) -> tuple[nn.Module, ...]:
    """What makes latents; the rest makes pixels of them."""
    halves = (vae.image_vae, vae.temporal_vae) if isinstance(vae, OpenSoraVAE) else (vae,)
    parts = [part for half in halves for part in (half.encoder, getattr(half, "quant_conv", None))]
    return tuple(part for part in parts if isinstance(part, nn.Module))


def last_weight(vae: Any) -> Tensor:
    """The decoder's last weight."""
    if isinstance(vae, OpenSoraVAE):
        last = vae.image_vae.decoder.conv_out
    elif isinstance(vae, AutoencoderKLTemporalDecoder):
        last = vae.decoder.time_conv_out
    else:
        last = vae.decoder.conv_out.conv
    weight: Tensor = last.weight
    return weight


@torch.no_grad()
def quieten(vae: OpenSoraVAE) -> None:
    """Let a fresh VAE's latents start with little noise.

    At a variance of 1, as it comes out of fresh weights, the decoder learned to look away from 6 of 16 channels, and
    from what it ignores no gradient brings it back (28.8 dB after 3,875 steps).
    """
    bias = vae.temporal_vae.quant_conv.conv.bias
    assert bias is not None
    bias[len(bias) // 2 :] = QUIET


@torch.no_grad()
def normalise(vae: OpenSoraVAE, clips: Tensor) -> None:
    """Set shift and scale of each channel so that the latents of clips (B, T, 3, H, W) have mean 0 and deviation 1.

    A channel that hardly moves is left smaller: at full size its noise would be most of what a denoiser has to learn.
    """
    latents = encode_clips(vae, clips).transpose(1, 2) * vae.scale + vae.shift
    deviation, mean = torch.std_mean(latents, dim=(0, 2, 3, 4), keepdim=True)
    vae.shift.copy_(mean)
    vae.scale.copy_(deviation.clamp(min=LEAST * float(deviation.max())))
