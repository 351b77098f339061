"""What the U-Net is told of a picture and a caption, and how the picture's latent is put beside the clip's."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Conditioning(NamedTuple):
    """What the U-Net is told of one branch.

    Attributes:
        context: (B, text tokens + image tokens, C).
        latent: (B, C, h, w), the picture's latent, scaled; the same in both branches of guidance.
        fs: (B,) frames per second (256: frame stride).
    """

    context: Tensor
    latent: Tensor
    fs: Tensor


def beside(noised: Tensor, latent: Tensor) -> Tensor:
    """Noised latents (B, C, T, h, w) with the picture's latent (B, C, h, w) beside every frame: (B, 2C, T, h, w)."""
    repeated = latent[:, :, None].expand(-1, -1, noised.shape[2], -1, -1)
    return torch.cat([noised, repeated.to(noised.dtype)], dim=1)
