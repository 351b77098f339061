"""A protection that writes down each call, so that a test can count how often the work was done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import torch

from antibench.contracts import Card, PerturbContext
from antibench.registry import PROTECTIONS


@PROTECTIONS.register
@dataclass(frozen=True)
class Counted:
    """Moves every pixel up or down by a share of the budget; raises if it is broken."""

    name: ClassVar[str] = "counted"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(title="for tests")
    needs: ClassVar[frozenset[str]] = frozenset()
    stochastic: ClassVar[bool] = True
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"

    share: float = 1.0
    broken: bool = False
    log: str = ""

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        if self.log:
            with Path(self.log).open("a") as file:
                file.write("called\n")
        if self.broken:
            raise RuntimeError("out of luck")
        noise = torch.rand(image.shape, generator=context.generator) * 2 - 1
        return image + self.share * context.epsilon * noise
