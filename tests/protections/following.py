"""What a protection follows: its objective as a function, caught on its way into the descent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch

from antibench.contracts import PerturbContext, Protection

Objective = Callable[[torch.Tensor], torch.Tensor]


@dataclass
class Followed:
    """The objective, started anew from one seed at each call, and how the descent was asked to go."""

    objective: Objective
    how: dict[str, Any]
    context: PerturbContext

    def __call__(self, image: torch.Tensor, seed: int = 0) -> torch.Tensor:
        """Its value at an image."""
        self.context.generator.manual_seed(seed)
        return self.objective(image)

    def mean(self, image: torch.Tensor, draws: int = 6) -> float:
        """Over draws that are the same for every image."""
        with torch.no_grad():
            return sum(float(self(image, seed)) for seed in range(draws)) / draws


def followed(plugin: Protection, photo: torch.Tensor, context: PerturbContext) -> Followed:
    """Let a protection begin, and stop it before its first step."""
    caught: list[Followed] = []

    def stop(image: torch.Tensor, objective: Objective, **how: Any) -> torch.Tensor:
        caught.append(Followed(objective, how, context))
        return image

    with mock.patch("antibench.perturb.descent.pgd", stop):
        plugin.perturb(photo, context)
    (found,) = caught
    return found
