"""Gaussian noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from antibench.contracts import Card, ImageU8

from ._strength import between


@dataclass(frozen=True)
class GaussianNoise:
    """Strength is the standard deviation on [0, 1], above 0 and up to 1; every pixel and channel by itself."""

    name: ClassVar[str] = "gaussian-noise"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Gaussian noise, standard deviation on [0, 1]",
        source="Hönig et al., Adversarial Perturbations Cannot Reliably Protect Artists From Generative AI, 2024",
        year=2024,
        arxiv="2406.12027",
        licence="BSD-3-Clause (NumPy)",
        notes="That paper adds 0.05. Values are clipped to [0, 255] after the noise is added, so the darkest and the "
        "brightest parts get less of it.",
    )
    grid: ClassVar[tuple[float, ...]] = (0.02, 0.05, 0.1)
    stochastic: ClassVar[bool] = True
    backend: ClassVar[str] = "numpy Generator.normal"

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        """Add noise to an (H, W, 3) uint8 image."""
        noise = rng.normal(scale=255 * _deviation(strength), size=image.shape)
        return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        """Noise from the generator, without rounding: (1, 3, H, W) -> (1, 3, H, W)."""
        noise = torch.randn(image.shape, generator=generator, device=generator.device).to(image)
        return (image + _deviation(strength) * noise).clamp(0, 1)


def _deviation(strength: float) -> float:
    return between("gaussian-noise", strength, "the standard deviation on [0, 1]", 0, 1)
