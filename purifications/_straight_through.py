"""A twin for an operation that has no gradient: the real thing forward, another gradient backward.

Backward pass differentiable approximation (BPDA): Athalye, Carlini and Wagner, Obfuscated Gradients Give a False Sense
of Security, ICML 2018, section 4.1.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from antibench.contracts import ImageU8
from antibench.pixels import to_float, to_u8


def straight_through(
    image: torch.Tensor, real: Callable[[ImageU8], ImageU8], smooth: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """The value of `real` on the image in 8 bits, with the gradient of `smooth`: (1, 3, H, W) -> (1, 3, H, W)."""
    value = to_float(real(to_u8(image))).to(image)
    slope = smooth(image)
    return value + (slope - slope.detach())


def unchanged(image: torch.Tensor) -> torch.Tensor:
    """The plainest approximation: every gradient passes as it is."""
    return image
