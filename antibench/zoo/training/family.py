"""What the training of one family of models consists of."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from antibench.zoo.training.clips import Pool
from antibench.zoo.training.draws import Batch, Draws


class Family(Protocol):
    """One family's part in the training of a denoiser."""

    variants: int
    """Latents kept of each photo."""
    timesteps: int
    """Noise levels of the schedule."""

    def augmented(self, photo: Tensor, variant: int) -> Tensor:
        """Photos (B, 1, 3, H, W) in [-1, 1] as the given variant is encoded from; variant 0 is the photo itself."""
        ...

    def photo_scale(self, scaling_factor: float) -> float:
        """What a photo's latent is multiplied by, given the scaling factor of the VAE."""
        ...

    def facts(self, condition: nn.Module, pool: Pool) -> Batch:
        """What else the denoiser is told of each clip of a pool."""
        ...

    def prepare(self, device: torch.device) -> None:
        """Move constant tables to the device."""
        ...

    def draw(self, out: Batch, data: Batch, i: Tensor, draws: Draws) -> Batch:
        """Complete a batch of the clips `i` that has latents `z`, `noise`, `photo`, and `tokens` if the pool does."""
        ...

    def loss(self, denoiser: nn.Module, condition: nn.Module, b: Batch) -> Tensor:
        """Mean squared error of the prediction on a batch."""
        ...

    def clean(self, denoiser: nn.Module, condition: nn.Module, b: Batch) -> Tensor:
        """The clean latents (B, T', C, h, w), scaled, that the prediction on a batch implies."""
        ...
