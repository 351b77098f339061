"""Rectified flow with timesteps moved by size and length, and with frames that are kept clean or join late.

A noised latent is (1 - s)·clip + s·noise at timestep t = 1000·s; the network predicts the velocity clip - noise.

Source: Liu et al. 2023, "Flow Straight and Fast" (arXiv 2209.03003), equation 1; the transform of the timesteps is that
of Esser et al. 2024 (arXiv 2403.03206), equation 23, extended to frames by Zheng et al. 2024 (arXiv 2412.20404).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

LEVELS = 1000.0
"""Timestep of pure noise; timesteps may be fractions."""
BASE_AREA = 512.0 * 512.0
"""Pixels of the picture whose timesteps stay where they are."""
CHUNK, LATENT_CHUNK = 17, 5
"""Frames of a chunk of the autoencoder, and how many latent frames the transform counts for it."""

Predict = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""Velocity (B, C, T, h, w) for noised latents of that shape, their timestep (B,), and the active frames (B, T)."""


def timesteps(steps: int, size: tuple[int, int], frames: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Timesteps of a sampling, (steps,) float32, falling from 1000.

    Args:
        steps: How many.
        size: (height, width) of the clip in pixels.
        frames: Of the clip.
        dtype: In which size and length are held: bfloat16 rounds their product, as the original does at that precision.

    Raises:
        ValueError: without a step.
    """
    if steps < 1:
        raise ValueError(f"{steps} steps")
    even = torch.tensor([(1 - i / steps) * LEVELS for i in range(steps)]) / LEVELS
    found = moved(even, transform_ratio(size, frames, dtype)) * LEVELS
    # Rounding may lift the first one above the noisiest level, and no frame would be active there.
    return found.float().clamp(max=LEVELS)


def transform_ratio(size: tuple[int, int], frames: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """(1,) how much noisier a clip is made than one picture of the base area; arguments as `timesteps`."""
    height, width, held = (torch.tensor([float(value)], dtype=dtype) for value in (*size, frames))
    length = torch.tensor([float(latent_length(int(held)))], dtype=dtype)
    return (height * width / BASE_AREA).sqrt() * length.sqrt()


def moved(share: Tensor, ratio: Tensor | float) -> Tensor:
    """Shares of noise in [0, 1] moved by a `transform_ratio`: towards 1 above a ratio of 1, towards 0 below."""
    return ratio * share / (1 + (ratio - 1) * share)


def latent_length(frames: int) -> int:
    """Latent frames as the transform of the timesteps counts them: 5 for every whole 17 frames.

    For less than 17 frames that would be none at all, and the transform would have no value; their latent frames are
    counted instead, which is 1 for a single frame, as published.
    """
    return frames // CHUNK * LATENT_CHUNK or -(-frames // 4)


def noised(clean: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
    """(1 - s)·clean + s·noise for (B, C, T, h, w) latents and a timestep (B,) or (1,) in [0, 1000]."""
    share = (timestep / LEVELS).to(clean.dtype).reshape(-1, *(1,) * (clean.ndim - 1))
    return (1 - share) * clean + share * noise


def guided(prediction: Tensor, scale: float, channels: int) -> Tensor:
    """The velocity (N, channels, T, h, w) of both branches (2N, C, T, h, w), the conditional half first: the
    unconditional one plus `scale` times what the conditional one differs by."""
    conditional, unconditional = prediction[:, :channels].chunk(2)
    return unconditional + scale * (conditional - unconditional)


@dataclass(frozen=True)
class RectifiedFlow:
    """A sampling of S steps.

    Attributes:
        timesteps: (S,) float32, falling.
        mask: (B, T): 1 for frames that are generated, 0 for frames that are kept; a value e between joins at the first
            timestep of at most 1000·e, and is kept until then. None: all are generated, and the network is not told.
    """

    timesteps: Tensor
    mask: Tensor | None = None

    def active(self, step: int) -> Tensor | None:
        """(B, T) bool, the frames that a step changes."""
        return None if self.mask is None else self.mask * LEVELS >= self.timesteps[step].to(self.mask.device)

    def joining(self, step: int) -> Tensor | None:
        """(B, T) bool, the frames kept so far that a step begins to change: they are still clean."""
        active = self.active(step)
        if active is None or self.mask is None:
            return None
        before = self.active(step - 1) if step else torch.zeros_like(active)
        return active & ~before & (self.mask < 1) if before is not None else None

    def enter(self, step: int, z: Tensor, noise: Callable[[int], Tensor]) -> Tensor:
        """The latents (B, C, T, h, w) as a step takes them: joining frames are noised to its timestep.

        `noise` gives the standard normal noise of a step; it is asked only if a frame joins.
        """
        joining = self.joining(step)
        if joining is None or not joining.any():
            return z
        return torch.where(_frames(joining), noised(z, noise(step), self.timesteps[step : step + 1].to(z)), z)

    def advance(self, step: int, z: Tensor, velocity: Tensor) -> Tensor:
        """The latents after a step with that velocity; frames that are not active stay."""
        following = float(self.timesteps[step + 1]) if step + 1 < len(self.timesteps) else 0.0
        moved = z + velocity * ((float(self.timesteps[step]) - following) / LEVELS)
        active = self.active(step)
        return moved if active is None else torch.where(_frames(active), moved, z)

    def sample(self, start: Tensor, predict: Predict, noise: Callable[[int], Tensor]) -> Tensor:
        """Walk all the steps.

        Args:
            start: (B, C, T, h, w): standard normal noise, and clean latents where frames are kept.
            predict: Gives the (guided) velocity.
            noise: As `enter` takes it.

        Returns:
            The clean latents.
        """
        z = start
        for step in range(len(self.timesteps)):
            z = self.enter(step, z, noise)
            timestep = self.timesteps[step].to(z.device).expand(z.shape[0])
            z = self.advance(step, z, predict(z, timestep, self.active(step)))
        return z


def _frames(chosen: Tensor) -> Tensor:
    """(B, T) beside (B, C, T, h, w)."""
    return chosen[:, None, :, None, None]
