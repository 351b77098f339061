"""Parameters and schedule shared by every protection that descends an objective through a surrogate."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from pydantic import TypeAdapter, ValidationError

from antibench.contracts import PerturbContext
from antibench.perturb.objective import Objective, Term
from antibench.perturb.pgd import pgd
from antibench.perturb.spaces import RGB, Space


@dataclass(frozen=True, kw_only=True)
class SurrogateDescent:
    """Base of a protection: its fields are parameters, `descend` does the work.

    Attributes:
        steps: Gradient steps.
        alpha: First step as a share of the bound, falling linearly to a tenth; None: 0.1, or more if steps are few.
        random_start: Start from uniform noise within the budget instead of the photo.
        guided: Follow the denoiser through classifier-free guidance, both branches, where the surrogate gives it. That
            is how a sampler runs, and costs a second denoiser pass a step.
        t_min: Lowest noise level drawn, in [0, 1).
        t_max: Upper end of the noise levels, in (t_min, 1].
        sampler_steps: Through how many steps of a deterministic sampler, from the drawn level down, the loss is
            followed (`Objective`). More than 1 costs as many denoiser passes a step.
    """

    steps: int = 200
    alpha: float | None = None
    random_start: bool = False
    guided: bool = True
    t_min: float = 0.0
    t_max: float = 1.0
    sampler_steps: int = 1

    def __post_init__(self) -> None:
        _check_types(self)
        if self.steps < 0:
            raise ValueError(f"steps must be 0 or more, not {self.steps}")
        if self.sampler_steps < 1:
            raise ValueError(f"sampler_steps must be 1 or more, not {self.sampler_steps}")
        if self.alpha is not None and self.alpha <= 0:
            raise ValueError(f"alpha must be above 0, not {self.alpha}")
        if not 0 <= self.t_min < self.t_max <= 1:
            raise ValueError(f"t_min and t_max must keep 0 <= t_min < t_max <= 1, not {self.t_min} and {self.t_max}")

    def descend(
        self,
        image: torch.Tensor,
        context: PerturbContext,
        terms: Sequence[tuple[float, Term]],
        *,
        spaces: Sequence[Space] = (RGB(),),
        normalise: bool = False,
        draws: int | None = None,
    ) -> torch.Tensor:
        """Minimise the weighted terms within the budget.

        Args:
            image: Clean photo, (1, 3, H, W) in [0, 1].
            context: As given to `perturb`.
            terms: (weight, term) pairs.
            spaces: Taken in turn, one a step.
            normalise: Divide each unbounded term by its first size (`Objective`).
            draws: How many triples of clip, noise level and noise there are (`Objective`); None: one a step.

        Returns:
            (1, 3, H, W) in [0, 1].

        Raises:
            ValueError: if a gradient is not finite, or there is no reference clip.
        """
        t_range = (self.t_min, self.t_max)
        objective = Objective(
            context,
            terms,
            guided=self.guided,
            t_range=t_range,
            sampler_steps=self.sampler_steps,
            normalise=normalise,
            draws=draws,
        )
        start = context.generator if self.random_start else None
        return pgd(
            image,
            objective,
            epsilon=context.epsilon,
            steps=self.steps,
            alpha=self.alpha,
            spaces=spaces,
            start=start,
        )


def _check_types(plugin: SurrogateDescent) -> None:
    """Hold parameters to their annotations: a misspelt choice would otherwise be taken for the other one.

    Raises:
        ValueError: naming the parameter.
    """
    hints = typing.get_type_hints(type(plugin))
    for field in dataclasses.fields(plugin):
        try:
            TypeAdapter(hints[field.name]).validate_python(getattr(plugin, field.name), strict=True)
        except ValidationError as error:
            message = error.errors()[0]["msg"]
            raise ValueError(f"{field.name}={getattr(plugin, field.name)!r}: {message}") from error
