"""Perceptual distances to a fixed photo, photos being (1, 3, H, W) in [-1, 1]."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from antibench.errors import UserError

Distance = Callable[[Tensor], Tensor]
VGG16 = "vgg16-397923af.pth"
"""torchvision's file in torch's cache."""


def stages_apart(vae: Any, fixed: Tensor) -> Distance:
    """LPIPS without learnt weights, on the stages of an `AutoencoderKL`'s encoder: squared distance of features of unit
    length, mean over positions and stages."""

    def stages(x: Tensor) -> list[Tensor]:
        found = [vae.encoder.conv_in(x)]
        for block in vae.encoder.down_blocks:
            found.append(block(found[-1]))
        return [normalize(stage, dim=1) for stage in found[1:]]

    with torch.no_grad():
        kept = stages(fixed)

    def distance(x: Tensor) -> Tensor:
        apart = [(one - other).square().sum(1).mean() for one, other in zip(stages(x), kept, strict=True)]
        return torch.stack(apart).mean()

    return distance


def lpips_apart(fixed: Tensor) -> Distance:
    """LPIPS (Zhang et al. 2018, version 0.1, VGG).

    Raises:
        UserError: if torch's cache has no weights of torchvision's VGG16. Nothing is fetched.
    """
    network = _lpips(str(fixed.device))
    return lambda x: network(x, fixed).mean()


@lru_cache(maxsize=2)
def _lpips(device: str) -> nn.Module:
    if not (Path(torch.hub.get_dir()) / "checkpoints" / VGG16).is_file():
        raise UserError(
            "distance='lpips' needs torchvision's VGG16 weights; fetch them once with: "
            "python -c \"import torchvision; torchvision.models.vgg16(weights='DEFAULT')\""
        )
    import lpips

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")  # `lpips` calls torchvision with arguments that it has since renamed
        network: nn.Module = lpips.LPIPS(net="vgg", verbose=False)
    return network.eval().requires_grad_(False).to(device)
