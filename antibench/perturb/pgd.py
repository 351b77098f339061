"""Projected gradient descent with signed steps: the one optimiser of all protections."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch

from antibench.perturb.interception import Minimisation, intercepted
from antibench.perturb.spaces import RGB, Space


def pgd(
    image: torch.Tensor,
    objective: Callable[[torch.Tensor], torch.Tensor],
    *,
    epsilon: float,
    steps: int,
    alpha: float | None = None,
    spaces: Sequence[Space] = (RGB(),),
    start: torch.Generator | None = None,
    origin: torch.Tensor | None = None,
) -> torch.Tensor:
    """Minimise an objective within the RGB budget.

    The master copy stays in float32. The objective is evaluated on the image as it would be saved, in 8 bits, and its
    gradient is passed straight through the rounding and the projection (Bengio et al. 2013).

    Args:
        image: Clean photo, (1, 3, H, W) in [0, 1].
        objective: Scalar of an image, differentiable; called once a step.
        epsilon: L-infinity budget on [0, 1].
        steps: Number of steps.
        alpha: First step as a share of the space's bound; it falls linearly to a tenth. Default `default_alpha`.
        spaces: Taken in turn, one a step.
        start: Draws a uniform start within the budget; None starts at the origin.
        origin: (1, 3, H, W) in [0, 1], where coordinates have their bound around; the RGB budget stays that around the
            photo. None: the photo.

    Returns:
        (1, 3, H, W) float32 in [0, 1], within the budget.

    Raises:
        ValueError: if a gradient is not finite.
    """
    clean = image.detach().to(torch.float32)
    objective = intercepted(Minimisation(clean, objective, epsilon, steps))
    if epsilon == 0 or steps == 0:
        return clean.clone()
    centre = clean if origin is None else origin.detach().to(clean)
    current = project(centre, clean, epsilon)
    if start is not None:
        drawn = torch.rand(clean.shape, generator=start, device=start.device).to(clean.device)
        current = project(clean + (2 * drawn - 1) * epsilon, clean, epsilon)
    first = default_alpha(math.ceil(steps / len(spaces))) if alpha is None else alpha
    centres = [space.forward(centre) for space in spaces]
    for step in range(steps):
        turn = step % len(spaces)
        rate = first * (1 - 0.9 * step / max(steps - 1, 1))
        current = project(_step(current, clean, objective, epsilon, spaces[turn], centres[turn], rate), clean, epsilon)
    return current


def default_alpha(steps: int) -> float:
    """A tenth of the bound, or more where so few steps in a space could not cross all of it: 2.5 / steps."""
    return max(0.1, 2.5 / steps)


def project(image: torch.Tensor, clean: torch.Tensor, epsilon: float) -> torch.Tensor:
    """Nearest image within `epsilon` of the clean one and within [0, 1]."""
    return torch.clamp(image, clean - epsilon, clean + epsilon).clamp(0, 1)


def _step(
    current: torch.Tensor,
    clean: torch.Tensor,
    objective: Callable[[torch.Tensor], torch.Tensor],
    epsilon: float,
    space: Space,
    centre: torch.Tensor,
    rate: float,
) -> torch.Tensor:
    """One signed step in one space; the result may lie outside the RGB budget."""
    with torch.enable_grad():
        coordinates = space.forward(current).detach().requires_grad_()
        proposal = space.inverse(coordinates)
        saved = (project(proposal.detach(), clean, epsilon) * 255).round() / 255
        loss = objective(proposal + (saved - proposal.detach()))
        (gradient,) = torch.autograd.grad(loss, coordinates)
    if not torch.isfinite(gradient).all():
        raise ValueError("the gradient of the objective holds a value that is not finite")
    bound = space.bound(epsilon)
    moved = coordinates.detach() - rate * bound * gradient.sign()
    limited = torch.clamp(moved, centre - bound, centre + bound)
    return space.inverse(torch.where(space.free(centre) > 0, limited, coordinates.detach()))
