"""A protection's own objective, taken from its run and held at fixed draws: two photos can be compared by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from antibench.contracts import PerturbContext
from antibench.perturb.interception import Minimisation, Scalar
from antibench.pixels import to_u8

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass
class Steps:
    """An interceptor that notes what an optimiser does and changes nothing.

    Attributes:
        objective: What is minimised, modifiers included; None if nothing descended.
        losses: Its value at each step.
        zeros: Share of pixels' values whose gradient is exactly 0, at each step that had a gradient.
        seen: The photo of each step as it would be saved, (H, W, 3) uint8.
    """

    objective: Scalar | None = None
    losses: list[float] = field(default_factory=list)
    zeros: list[float] = field(default_factory=list)
    seen: list[npt.NDArray[np.uint8]] = field(default_factory=list)

    def watch(self, descent: Minimisation) -> Scalar:
        """See `interception.Interceptor`."""
        inner = self.objective = descent.objective

        def watched(image: torch.Tensor) -> torch.Tensor:
            if image.requires_grad:
                image.register_hook(self._note_gradient)  # type: ignore[no-untyped-call]
            value = inner(image)
            self.losses.append(float(value.detach()))
            self.seen.append(to_u8(image.clamp(0, 1)))
            return value

        return watched

    def _note_gradient(self, gradient: torch.Tensor) -> None:
        self.zeros.append(float((gradient == 0).float().mean()))


class Held:
    """An objective whose randomness is set anew before each call.

    Args:
        objective: From `Steps`; it draws from the generators of the contexts and from nothing else.
        context: As the protection was given it.
        draws: How many fixed draws there are.
    """

    def __init__(self, objective: Scalar, context: PerturbContext, draws: int) -> None:
        self._objective = objective
        self._generators = [item.generator for item in (context, *context.others)]
        self._draws = range(draws)

    def values(self, image: torch.Tensor) -> Floats:
        """(draws,) the objective at a (1, 3, H, W) photo."""
        with torch.no_grad():
            return np.array([float(self._at(draw, image)) for draw in self._draws])

    def gradient(self, image: torch.Tensor) -> torch.Tensor:
        """Mean gradient over the draws, shape of the photo."""
        return torch.stack([self._gradient(draw, image) for draw in self._draws]).mean(dim=0)

    def slopes(self, image: torch.Tensor, lengths: Sequence[float]) -> Floats:
        """How the objective changes along the sign of its gradient, as a share of what the gradient says.

        Args:
            image: Where.
            lengths: Half-lengths of the central differences, on [0, 1].

        Returns:
            (draws, lengths); 1 where both agree, NaN where the gradient is zero.
        """
        found = []
        for draw in self._draws:
            gradient = self._gradient(draw, image)
            claimed = float(gradient.abs().sum())
            with torch.no_grad():
                found.append([self._slope(draw, image, gradient.sign(), length) for length in lengths])
            found[-1] = [slope / claimed if claimed else float("nan") for slope in found[-1]]
        return np.array(found)

    def _slope(self, draw: int, image: torch.Tensor, direction: torch.Tensor, length: float) -> float:
        ahead, behind = (float(self._at(draw, image + side * length * direction)) for side in (1, -1))
        return (ahead - behind) / (2 * length)

    def _gradient(self, draw: int, image: torch.Tensor) -> torch.Tensor:
        with torch.enable_grad():
            photo = image.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self._at(draw, photo), photo, allow_unused=True)
        return torch.zeros_like(image) if gradient is None else gradient.detach()

    def _at(self, draw: int, image: torch.Tensor) -> torch.Tensor:
        for index, generator in enumerate(self._generators):
            generator.manual_seed(1_000_003 * (index + 1) + draw)
        return self._objective(image)
