"""Random choices of a training, made on its device."""

from __future__ import annotations

import torch
from torch import Tensor

Batch = dict[str, Tensor]


class Draws:
    """Random choices of a training on its device."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.device = device
        self.generator = torch.Generator(device).manual_seed(seed)

    def uniform(self, *shape: int) -> Tensor:
        """Uniform in [0, 1)."""
        return torch.rand(*shape, generator=self.generator, device=self.device)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal."""
        return torch.randn(*shape, generator=self.generator, device=self.device)

    def index(self, count: int, batch: int) -> Tensor:
        """`batch` integers below `count`."""
        return torch.randint(0, count, (batch,), generator=self.generator, device=self.device)


def spoiled_photo(photo: Tensor, noised: Tensor, zeroed: Tensor, draws: Draws) -> Tensor:
    """Photo latents (B, C, h, w) of which some are noised and some are gone, so that the image tokens are needed.

    Args:
        photo: The latents.
        noised: (B,) whether noise of 0.3 to 1.5 standard deviations of the batch is added.
        zeroed: (B,) whether zeros take the latent's place.
        draws: Where the noise comes from.
    """
    amount = (0.3 + 1.2 * draws.uniform(len(photo), 1, 1, 1)) * photo.std()
    photo = torch.where(noised.view(-1, 1, 1, 1), photo + amount * draws.normal(*photo.shape), photo)
    return photo * (~zeroed).view(-1, 1, 1, 1)
