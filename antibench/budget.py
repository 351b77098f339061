"""The budget: an L-infinity limit in 8-bit levels of the saved file, owned by the harness.

A protection proposes; `settle` projects to the budget, rounds, projects again in levels and measures. Published code
means three different things by the same epsilon, and truncation on saving adds a level, so nothing a method says about
its own size is used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from antibench.contracts import ImageU8
from antibench.pixels import to_float


@dataclass(frozen=True)
class Settled:
    """A protected photo within its budget, and how far the proposal was outside it."""

    image: ImageU8
    proposed_levels: float
    """Largest change the protection proposed, in levels, before any projection."""
    final_levels: int
    """Largest change of the 8-bit image."""


def settle(proposal: torch.Tensor, photo: ImageU8, budget_levels: int) -> Settled:
    """Bring a proposal within the budget.

    Args:
        proposal: (1, 3, H, W) in [0, 1], whatever the protection returned.
        photo: The clean photo.
        budget_levels: Largest allowed change of any channel of any pixel, in 8-bit levels, >= 0.

    Raises:
        ValueError: if the proposal has another shape than the photo or holds a value that is not finite.
    """
    clean = to_float(photo)
    if tuple(proposal.shape) != tuple(clean.shape):
        raise ValueError(f"protection returned shape {tuple(proposal.shape)} for a photo of {tuple(clean.shape)}")
    if not torch.isfinite(proposal).all():
        raise ValueError("protection returned a value that is not finite")
    change = proposal.detach().to(torch.float32).cpu() - clean
    proposed = float(change.abs().max() * 255)
    epsilon = budget_levels / 255
    rounded = ((clean + change.clamp(-epsilon, epsilon)).clamp(0, 1) * 255).round()
    levels = rounded.permute(0, 2, 3, 1)[0].numpy().astype(np.int16)
    low = np.maximum(photo.astype(np.int16) - budget_levels, 0)
    high = np.minimum(photo.astype(np.int16) + budget_levels, 255)
    final = np.clip(levels, low, high).astype(np.uint8)
    return Settled(final, proposed, linf_levels(final, photo))


def linf_levels(image: ImageU8, photo: ImageU8) -> int:
    """Largest difference of two 8-bit images in levels."""
    return int(np.abs(image.astype(np.int16) - photo.astype(np.int16)).max(initial=0))
