"""Total variation restoration of pixels of which some are missing.

Minimises 1/2 sum keep (u - x)^2 + weight sum |grad u|, isotropic, each channel by itself, by the primal-dual steps of
Chambolle and Pock, A First-Order Primal-Dual Algorithm for Convex Problems, JMIV 2011, algorithm 1. The solvers of
scikit-image know no missing pixels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

_ROUNDS, _STEPS = 10, 20  # the gradient keeps the state between rounds and computes the steps of one again


def restored(image: torch.Tensor, keep: torch.Tensor, weight: float) -> torch.Tensor:
    """The minimiser after 200 steps, 0.3 levels on average from the limit: differentiable in the image.

    Args:
        image: (1, 3, H, W) in [0, 1]; what is not kept has no influence.
        keep: (1, 3, H, W), 1 where the pixel is known and 0 where it is missing.
        weight: Of the total variation, on the scale of the image.
    """
    known = keep * image
    estimate = known + (1 - keep) * 0.5
    state = (estimate, estimate, torch.zeros_like(_gradient(estimate)))
    for _ in range(_ROUNDS):
        state = checkpoint(_steps, *state, known, keep, weight, use_reentrant=False, preserve_rng_state=False)
    return state[0]


def _steps(
    estimate: torch.Tensor,
    ahead: torch.Tensor,
    dual: torch.Tensor,
    known: torch.Tensor,
    keep: torch.Tensor,
    weight: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    longer = (0.1 / weight) ** 0.5  # of the many pairs of step sizes with product 1/8: what served weights 0.01 to 0.1
    primal_step, dual_step = longer / 8**0.5, 1 / (longer * 8**0.5)
    for _ in range(_STEPS):
        dual = dual + dual_step * _gradient(ahead)
        dual = dual * weight / (dual**2).sum(dim=0).clamp(min=weight**2).sqrt()
        moved = (estimate + primal_step * (_divergence(dual) + known)) / (1 + primal_step * keep)
        estimate, ahead = moved, 2 * moved - estimate
    return estimate, ahead, dual


def _gradient(image: torch.Tensor) -> torch.Tensor:
    """Forward differences down and to the right, 0 at the far edges: (2, 1, 3, H, W)."""
    down, right = image.diff(dim=-2), image.diff(dim=-1)
    return torch.stack((F.pad(down, (0, 0, 0, 1)), F.pad(right, (0, 1))))


def _divergence(dual: torch.Tensor) -> torch.Tensor:
    """The negative adjoint of the gradient."""
    down, right = dual[0][..., :-1, :], dual[1][..., :-1]
    return F.pad(down, (0, 0, 0, 1)) - F.pad(down, (0, 0, 1, 0)) + F.pad(right, (0, 1)) - F.pad(right, (1, 0))
