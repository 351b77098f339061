"""What the learned purifications share: from 8-bit pixels to floats on the device, and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from antibench.contracts import ImageU8, Place
from antibench.pixels import to_float, to_u8


class Learned(ABC):
    """A purification by a network; `antibench.contracts.LearnedPurification` with `purified` in it."""

    name: ClassVar[str]
    network: str
    revision: str = ""

    @abstractmethod
    def purified(self, photo: Tensor, strength: float, generator: torch.Generator, place: Place) -> Tensor:
        """Purify (1, 3, H, W) in [0, 1] on the device of `place`."""

    def apply(
        self, image: ImageU8, *, strength: float, rng: np.random.Generator, place: Place | None = None
    ) -> ImageU8:
        """Purify an (H, W, 3) uint8 image; all randomness comes from `rng`. Without a place, on the CPU."""
        place = place or Place()
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        with torch.no_grad():
            return to_u8(self.purified(to_float(image).to(place.device), strength, generator, place))

    def twin(self, image: Tensor, *, strength: float, generator: torch.Generator) -> Tensor | None:
        """The same, differentiable: (1, 3, H, W) -> (1, 3, H, W)."""
        return self.purified(image, strength, generator, Place(str(image.device)))


def whole(strength: float, of: str) -> int:
    """A strength that counts something.

    Raises:
        ValueError: if it is no whole number from 1.
    """
    if strength != strength or strength < 1 or strength != int(strength):
        raise ValueError(f"{of}: strength is a whole number from 1, got {strength}")
    return int(strength)
