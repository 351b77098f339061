"""The control with the look of a robust perturbation, without optimising anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from antibench.contracts import Card, PerturbContext
from antibench.perturb.dct import idct2, low_frequencies


@dataclass(frozen=True)
class RandomLowFrequency:
    """Blotches of colour at the full budget, which survive JPEG, blur and resizing far better than pixel noise does.

    Attributes:
        share: Lowest share of the rows and of the columns of the DCT that carry the noise.
    """

    name: ClassVar[str] = "random-lowfreq"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Random low-frequency signs at the full budget",
        source="Signs of Gaussian noise limited to low DCT frequencies, so that its size equals that of `random-sign`",
    )
    needs: ClassVar[frozenset[str]] = frozenset()
    stochastic: ClassVar[bool] = True
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "control"

    share: float = 0.125

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"share must be in (0, 1], not {self.share}")

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        generator = context.generator
        drawn = torch.randn(image.shape, generator=generator, device=generator.device).to(image)
        smooth = idct2(drawn * low_frequencies(image.shape[-2], image.shape[-1], self.share).to(image))
        return (image + smooth.sign() * context.epsilon).clamp(0, 1)
