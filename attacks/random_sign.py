"""The control that spends the budget without optimising anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from antibench.contracts import Card, PerturbContext


@dataclass(frozen=True)
class RandomSign:
    """Plus or minus the whole budget at every value of every pixel: the largest noise the budget allows."""

    name: ClassVar[str] = "random-sign"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Random signs at the full budget",
        source="Independent fair signs; what any optimised perturbation of the same size must beat",
    )
    needs: ClassVar[frozenset[str]] = frozenset()
    stochastic: ClassVar[bool] = True
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "control"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        generator = context.generator
        bits = torch.randint(0, 2, image.shape, generator=generator, device=generator.device).to(image)
        return (image + (2 * bits - 1) * context.epsilon).clamp(0, 1)
