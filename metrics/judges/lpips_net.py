"""The original LPIPS (Zhang et al., 2018) through package `lpips`, for users who have its AlexNet weights.

Package `lpips` ships only its linear heads; the trunk is torchvision's AlexNet, which torch keeps in its cache
once it has been fetched. A metric never fetches anything.
"""

from __future__ import annotations

import hashlib
import warnings
from functools import lru_cache
from pathlib import Path
from typing import cast

import torch
from torch import nn

from antibench.contracts import ImageU8
from antibench.errors import UserError
from antibench.pixels import to_float

SMALLEST = 32
"""Least side in pixels that leaves AlexNet's last stage a pixel."""
_ALEXNET = "alexnet-owt-7be5be79.pth"
"""torchvision's file; the digits are the start of its sha256."""


@lru_cache(maxsize=1)
def lpips_net() -> nn.Module:
    """Load LPIPS with AlexNet once per process, in evaluation mode, without gradients.

    Raises:
        UserError: if AlexNet's weights are not in torch's cache, or are not the expected ones.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / _ALEXNET
    if not path.is_file():
        raise UserError(
            "lpips[alex] needs torchvision's AlexNet weights; fetch them once with: "
            "python -c \"import torchvision; torchvision.models.alexnet(weights='DEFAULT')\" (offline: st-lpips[vgg])"
        )
    if not hashlib.sha256(path.read_bytes()).hexdigest().startswith(_ALEXNET.removesuffix(".pth").rsplit("-", 1)[1]):
        raise UserError(f"{_ALEXNET} in torch's cache is damaged; delete it and fetch it again")
    import lpips

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")  # `lpips` calls torchvision with arguments that it has since renamed
        net = cast(nn.Module, lpips.LPIPS(net="alex", verbose=False))
    return net.eval().requires_grad_(False)


def distance(image: ImageU8, other: ImageU8) -> float:
    """LPIPS of two (H, W, 3) uint8 images of equal size, >= 0; 0 for equal images.

    Raises:
        UserError: as `lpips_net`.
    """
    with torch.no_grad():
        # The network expects [-1, 1]; images in [0, 1] would pass without an error and give another number.
        return float(lpips_net()(to_float(image) * 2 - 1, to_float(other) * 2 - 1))
