"""One perturbation on several surrogates: their gradients, each of the same size, are averaged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import torch

from antibench.contracts import PerturbContext, Protection
from antibench.perturb.fitting import fitted
from antibench.perturb.interception import Minimisation, Scalar, intercepting


class Average:
    """The mean of objectives, each divided by the mean size of its gradient.

    Objectives of different models have different units, and a model whose gradients are large would decide alone where
    to go. So at each call with a gradient every objective gets the scale at which its gradient has a mean absolute
    value of 1; calls without one keep the scales of the last. Each member sees the photo, which has one size, as its
    model would be given it, in 8 bits. One graph is in memory at a time.

    Args:
        members: (objective, size of its model) pairs.
    """

    def __init__(self, members: Sequence[tuple[Scalar, tuple[int, int]]]) -> None:
        self._members = tuple(members)
        self._scales = [1.0] * len(self._members)

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        """The scalar at a (1, 3, H, W) image in [0, 1]."""
        if not torch.is_grad_enabled():
            values = [objective(fitted(image, size)) for objective, size in self._members]
            return self._mean(values)
        values, gradients = [], []
        for index, (objective, size) in enumerate(self._members):
            photo = image.detach().requires_grad_()
            value = objective(fitted(photo, size))
            (gradient,) = torch.autograd.grad(value, photo)
            self._scales[index] = float(gradient.abs().mean()) or 1.0
            values.append(value.detach())
            gradients.append(gradient / self._scales[index])
        slope = torch.stack(gradients).mean(dim=0)
        return self._mean(values) + ((image - image.detach()) * slope).sum()

    def _mean(self, values: list[torch.Tensor]) -> torch.Tensor:
        return torch.stack([value / scale for value, scale in zip(values, self._scales, strict=True)]).mean()


class Together:
    """Makes a protection that descends on one surrogate descend on all: the objectives of the others are asked for.

    The protection is run on each of the others up to where it starts to descend, and its objective there is taken.
    """

    def __init__(self, protection: Protection, context: PerturbContext) -> None:
        self._protection = protection
        self._context = context
        self._descents = 0

    def average(self, descent: Minimisation) -> Scalar:
        """The mean objective over the ensemble.

        Raises:
            ValueError: at a second descent, whose counterpart on the other models is not known.
        """
        self._descents += 1
        if self._descents > 1:
            raise ValueError(
                f"{self._protection.name} descends more than once, which +ensemble cannot follow on several models"
            )
        members = [(descent.objective, _size(descent.image))]
        for context in self._context.others:
            photo = fitted(descent.image, context.surrogate.size)
            members.append((objective_of(self._protection, photo, context), context.surrogate.size))
        return Average(members)


def objective_of(protection: Protection, photo: torch.Tensor, context: PerturbContext) -> Scalar:
    """What a protection would minimise on a surrogate.

    Raises:
        ValueError: if it does not descend through `pgd`.
    """

    def take(descent: Minimisation) -> NoReturn:
        raise _TakenError(descent.objective)

    try:
        with intercepting(take, alone=True):
            protection.perturb(photo, context)
    except _TakenError as taken:
        return taken.objective
    raise ValueError(f"{protection.name} does not descend through antibench.perturb.pgd")


class _TakenError(BaseException):
    """Not an Exception, so that no protection takes it for a fault of its own."""

    def __init__(self, objective: Scalar) -> None:
        super().__init__()
        self.objective = objective


def _size(image: torch.Tensor) -> tuple[int, int]:
    height, width = image.shape[-2:]
    return height, width
