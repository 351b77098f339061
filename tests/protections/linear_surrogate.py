"""A surrogate whose every answer can be written down: means of 2 x 2 pixels, and a denoiser of three coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import avg_pool2d

from antibench.contracts import Denoised, Encoded, FramesU8
from antibench.pixels import to_float


class LinearSurrogate:
    """Flow of a straight line: x_t = (1 - t) z + t e, v = 0.3 x_t + 0.7 E(photo) + 0.2 (+ 0.1 if guided)."""

    name = "linear"
    version = 1
    size = (16, 16)
    frames = 3
    layers = ("all",)
    vae_layers = ("all",)
    gives = frozenset({"diffusion_loss", "guidance", "image_latents", "vae_features", "image_tokens", "still_latents"})

    def encode(self, image: torch.Tensor, *, capture: Sequence[str] = ()) -> Encoded:
        """Latents (1, 3, h, w), tokens (1, 1, 3)."""
        return Encoded(latent(image), {name: latent(image) for name in capture}, image.mean((2, 3))[:, None])

    def encode_still(self, image: torch.Tensor) -> torch.Tensor:
        """(1, 3, T, h, w)."""
        return latent(image)[:, :, None].expand(-1, -1, self.frames, -1, -1)

    @torch.no_grad()
    def encode_clip(self, frames: FramesU8) -> torch.Tensor:
        """(1, 3, T, h, w)."""
        return latent(to_float(frames)).transpose(0, 1)[None]

    def denoise(
        self, image: torch.Tensor, prompt: str, *, clip_latents: torch.Tensor, t: float, noise: torch.Tensor, **how: Any
    ) -> Denoised:
        """See the class."""
        noised = (1 - t) * clip_latents + t * noise
        photo = latent(image)
        v = 0.3 * noised + 0.7 * photo[:, :, None] + (0.3 if how.get("guided") else 0.2)
        loss = torch.mean((v - (noise - clip_latents)) ** 2)
        return Denoised(loss, v, {}, photo, noised - t * v, noised + (1 - t) * v)


def latent(image: torch.Tensor) -> torch.Tensor:
    """Mean of each 2 x 2 pixels, on [-2, 2]."""
    return 4 * avg_pool2d(image, 2) - 2
