"""Parameters and schedule shared by every protection that descends an objective through a surrogate."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from pydantic import TypeAdapter, ValidationError

from antibench.contracts import PerturbContext
from antibench.perturb.objective import Objective, Term
from antibench.perturb.pgd import pgd
from antibench.perturb.spaces import RGB, Space


@dataclass(frozen=True, kw_only=True)
class Descent:
    """Base of a protection that follows any objective of its own: its fields are parameters.

    Attributes:
        steps: Gradient steps.
        alpha: First step as a share of the bound, falling linearly to a tenth; None: 0.1, or more if steps are few.
    """

    steps: int = 200
    alpha: float | None = None

    def __post_init__(self) -> None:
        _check_types(self)
        if self.steps < 0:
            raise ValueError(f"steps must be 0 or more, not {self.steps}")
        if self.alpha is not None and self.alpha <= 0:
            raise ValueError(f"alpha must be above 0, not {self.alpha}")

    def follow(
        self,
        image: torch.Tensor,
        context: PerturbContext,
        objective: Callable[[torch.Tensor], torch.Tensor],
        *,
        random_start: bool = False,
        spaces: Sequence[Space] = (RGB(),),
        origin: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Minimise an objective of the photo within the budget; arguments and result are those of `pgd`."""
        return pgd(
            image,
            objective,
            epsilon=context.epsilon,
            steps=self.steps,
            alpha=self.alpha,
            spaces=spaces,
            start=context.generator if random_start else None,
            origin=origin,
        )


@dataclass(frozen=True, kw_only=True)
class NoiseDescent(Descent):
    """Base of a protection that follows the denoiser at random noise levels.

    Attributes:
        guided: Follow the denoiser through classifier-free guidance, both branches, where the surrogate gives it. That
            is how a sampler runs, and costs a second denoiser pass a step.
        t_min: Lowest noise level drawn, in [0, 1).
        t_max: Upper end of the noise levels, in (t_min, 1].
    """

    guided: bool = True
    t_min: float = 0.0
    t_max: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.t_min < self.t_max <= 1:
            raise ValueError(f"t_min and t_max must keep 0 <= t_min < t_max <= 1, not {self.t_min} and {self.t_max}")


@dataclass(frozen=True, kw_only=True)
class SurrogateDescent(NoiseDescent):
    """Base of a protection whose objective is a weighted sum of terms: `descend` does the work.

    Attributes:
        random_start: Start from uniform noise within the budget instead of the photo.
        sampler_steps: Through how many steps of a deterministic sampler, from the drawn level down, the loss is
            followed (`Objective`). More than 1 costs as many denoiser passes a step.
    """

    random_start: bool = False
    sampler_steps: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sampler_steps < 1:
            raise ValueError(f"sampler_steps must be 1 or more, not {self.sampler_steps}")

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
        return self.follow(image, context, objective, random_start=self.random_start, spaces=spaces)


@dataclass(frozen=True, kw_only=True)
class EncoderDescent(Descent):
    """Base of a protection whose terms read the image encoders alone: the denoiser never runs.

    Attributes:
        random_start: Start from uniform noise within the budget instead of the photo.
    """

    random_start: bool = True

    def descend(
        self, image: torch.Tensor, context: PerturbContext, terms: Sequence[tuple[float, Term]]
    ) -> torch.Tensor:
        """Minimise the weighted terms within the budget, from a (1, 3, H, W) photo in [0, 1] to one like it.

        Raises:
            ValueError: if a gradient is not finite.
        """
        return self.follow(image, context, Objective(context, terms), random_start=self.random_start)


def _check_types(plugin: Descent) -> None:
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
