"""The autoencoder of Open-Sora 1.2: image latents of every frame, then a causal autoencoder over them, in chunks.

Source: Zheng et al. 2024 (arXiv 2412.20404), section 3. The image autoencoder has the architecture of SDXL's (Podell et
al. 2023, arXiv 2307.01952).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import torch
from diffusers import AutoencoderKL
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from torch import Tensor, nn

from antibench.models.opensora.config import VAEConfig
from antibench.models.opensora.temporal_vae import TemporalVAE

Gaussian: TypeAlias = Callable[[Tensor], Tensor]
"""Gives standard normal noise of a tensor's shape, type and device."""


class OpenSoraVAE(nn.Module):
    """Pixels of a clip to normalised latents, and back. Differentiable."""

    scale: Tensor
    shift: Tensor

    def __init__(self, config: VAEConfig) -> None:
        """Build both autoencoders.

        Raises:
            ValueError: if the levels of the image autoencoder do not match.
        """
        super().__init__()
        self.config = config
        # The wrapper is there for its name, which the checkpoint has.
        self.spatial_vae = nn.ModuleDict({"module": AutoencoderKL(**config.spatial_vae.model_dump())})
        self.temporal_vae = TemporalVAE(config.temporal_vae)
        self.register_buffer("scale", _by_channel(config.scale))
        self.register_buffer("shift", _by_channel(config.shift))

    @property
    def image_vae(self) -> Any:
        """The image autoencoder, an `AutoencoderKL` of diffusers."""
        return self.spatial_vae["module"]

    @property
    def patch(self) -> int:
        """Rows and columns of pixels that a place of a latent stands for: 8 in the public checkpoint."""
        return int(2 ** (len(self.config.spatial_vae.block_out_channels) - 1))

    def encode(self, pixels: Tensor, gaussian: Gaussian | None = None) -> Tensor:
        """Normalised latents of clips.

        Args:
            pixels: (B, 3, T, H, W) in [-1, 1]. Rows and columns beyond whole patches are lost.
            gaussian: Draws samples of both posteriors, first for the frames in order, then for each chunk. None: their
                means.

        Returns:
            (B, C, t, H // patch, W // patch), t as `latent_frames(T)` says.
        """
        latents = self.temporal_latents(self.spatial_latents(pixels, gaussian), gaussian)
        return (latents - self.shift) / self.scale

    def decode(self, latents: Tensor, frames: int) -> Tensor:
        """Pixels (B, 3, frames, patch·h, patch·w), about [-1, 1], not clamped, of latents (B, C, t, h, w).

        Args:
            latents: Normalised.
            frames: Of the clip; t must be `latent_frames(frames)`.

        Raises:
            ValueError: for another number of latent frames.
        """
        if latents.shape[2] != self.latent_frames(frames):
            raise ValueError(
                f"{latents.shape[2]} latent frames, where {frames} frames have {self.latent_frames(frames)}"
            )
        chunk, parts, left = self.config.micro_frame_size or frames, [], frames
        latent_chunk = self.config.latent_chunk or latents.shape[2]
        for part in torch.split(latents * self.scale + self.shift, latent_chunk, dim=2):
            parts.append(self.temporal_vae.decode(part, min(chunk, left)))
            left -= chunk
        of_frames = torch.cat(parts, dim=2) / self.config.spatial_scaling
        return self._by_frame(of_frames, lambda batch: cast(Tensor, self.image_vae.decode(batch).sample))

    def spatial_latents(self, pixels: Tensor, gaussian: Gaussian | None = None) -> Tensor:
        """(B, 3, T, H, W) to latents of the image autoencoder (B, C, T, h, w), times `spatial_scaling`."""

        def encoded(batch: Tensor) -> Tensor:
            return _drawn(self.image_vae.encode(batch).latent_dist, gaussian)

        return self._by_frame(pixels, encoded) * self.config.spatial_scaling

    def temporal_latents(self, latents: Tensor, gaussian: Gaussian | None = None) -> Tensor:
        """(B, C, T, h, w) of `spatial_latents` to (B, C', t, h, w), not normalised; each chunk on its own."""
        return torch.cat([_drawn(posterior, gaussian) for posterior in self.posteriors(latents)], dim=2)

    def posteriors(self, latents: Tensor) -> list[DiagonalGaussianDistribution]:
        """(B, C, T, h, w) of `spatial_latents` to what `temporal_latents` draws from, for each chunk."""
        chunks = torch.split(latents, self.config.micro_frame_size or latents.shape[2], dim=2)
        return [self.temporal_vae.encode(chunk) for chunk in chunks]

    def latent_frames(self, frames: int) -> int:
        """Latent frames of a clip of so many frames."""
        chunks, rest = divmod(frames, self.config.micro_frame_size or frames)
        whole = self.config.latent_chunk or self._groups(frames)
        return chunks * whole + self._groups(rest)

    def latent_size(self, frames: int, height: int, width: int) -> tuple[int, int, int]:
        """(t, h, w) of the latent of a clip of so many frames, rows and columns."""
        return self.latent_frames(frames), height // self.patch, width // self.patch

    def _groups(self, frames: int) -> int:
        """Latent frames of a chunk of so many frames."""
        return -(-frames // self.config.temporal_vae.frames_per_latent)

    def _by_frame(self, x: Tensor, run: Callable[[Tensor], Tensor]) -> Tensor:
        """Run over the frames of (B, C, T, H, W), a few at a time."""
        frames = x.transpose(1, 2).flatten(0, 1)
        done = torch.cat([run(batch) for batch in torch.split(frames, self.config.micro_batch_size or len(frames))])
        return done.reshape(x.shape[0], -1, *done.shape[1:]).transpose(1, 2)


def _drawn(posterior: DiagonalGaussianDistribution, gaussian: Gaussian | None) -> Tensor:
    mean = cast(Tensor, posterior.mean)
    return mean if gaussian is None else mean + cast(Tensor, posterior.std) * gaussian(mean)


def _by_channel(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values).reshape(1, -1, 1, 1, 1)
