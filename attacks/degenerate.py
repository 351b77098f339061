"""Participants that must never win: they show that a metric cannot be satisfied by ruining or ignoring the photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from antibench.contracts import Card, PerturbContext


@dataclass(frozen=True)
class NoOp:
    """A protection that does nothing, and is scored like any other."""

    name: ClassVar[str] = "no-op"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(title="Does nothing", notes="Its strength is 0 by construction.")
    needs: ClassVar[frozenset[str]] = frozenset()
    stochastic: ClassVar[bool] = False
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "degenerate"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """The photo."""
        return image


@dataclass(frozen=True)
class Grey:
    """Proposes a grey square; the budget leaves a photo with slightly less contrast."""

    name: ClassVar[str] = "grey"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(title="Proposes a grey square", notes="Ignores the budget; the harness enforces it.")
    needs: ClassVar[frozenset[str]] = frozenset()
    stochastic: ClassVar[bool] = False
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "degenerate"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """Mid-grey everywhere."""
        return torch.full_like(image, 0.5)


@dataclass(frozen=True)
class MaxNoise:
    """Proposes black and white noise; the budget leaves random signs."""

    name: ClassVar[str] = "max-noise"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(title="Proposes pure noise", notes="Ignores the budget; the harness enforces it.")
    needs: ClassVar[frozenset[str]] = frozenset()
    stochastic: ClassVar[bool] = True
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "degenerate"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """0 or 1 at every value."""
        generator = context.generator
        return torch.randint(0, 2, image.shape, generator=generator, device=generator.device).to(image)
