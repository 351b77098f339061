"""The control without protection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from antibench.contracts import Card, PerturbContext


@dataclass(frozen=True)
class Clean:
    """The photo as it is: what every other participant is measured against."""

    name: ClassVar[str] = "clean"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(title="No protection", notes="The reference of every comparison.")
    needs: ClassVar[frozenset[str]] = frozenset()
    stochastic: ClassVar[bool] = False
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "control"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """The photo."""
        return image
