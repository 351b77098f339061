"""Expectation over transformation (Athalye et al. 2018): every gradient step looks through a purification."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from antibench.composition import Composition
from antibench.contracts import Purification
from antibench.perturb.interception import Minimisation, Scalar
from antibench.pixels import as_saved

VERSION = 1


@dataclass(frozen=True)
class EOT:
    """Each call of an objective sees the photo through one choice, drawn with equal chances, in 8 bits.

    The gradient passes through the differentiable twins of the purifications.

    Attributes:
        choices: Each a composition: (purification, strengths) pairs in order, a strength drawn for each.
        identity: Whether the photo as it is is a choice too.
    """

    choices: tuple[tuple[tuple[Purification, tuple[float, ...]], ...], ...]
    identity: bool = True

    def through(self, descent: Minimisation, generator: torch.Generator) -> Scalar:
        """The objective of a descent, of the photo seen through a draw."""

        def seen_through(image: torch.Tensor) -> torch.Tensor:
            return descent.objective(self._seen(image, generator))

        return seen_through

    def _seen(self, image: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        number = _below(len(self.choices) + self.identity, generator)
        if number == len(self.choices):
            return image
        parts = self.choices[number]
        steps = tuple((part, strengths[_below(len(strengths), generator)]) for part, strengths in parts)
        seen = Composition(steps).twin(image, generator=generator)
        if seen is None:
            names = ", ".join(part.name for part, _ in steps)
            raise ValueError(f"no gradient passes through {names}: a twin is missing")
        return as_saved(seen)


def _below(end: int, generator: torch.Generator) -> int:
    return int(torch.randint(end, (1,), generator=generator, device=generator.device))
