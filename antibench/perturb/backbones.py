"""Pretrained networks for auxiliary terms, loaded from the hub on first use and kept for the process.

None of them scores: metrics use CLIP ViT-B/32, AlexNet and VGG-16, these are CLIP ViT-B/16 and SqueezeNet.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import TypeAlias, cast

import torch
from torch.nn.functional import interpolate

from antibench.errors import UserError

Embedding: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
"""(1, 3, H, W) in [0, 1] -> (1, D)."""
Distance: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Two (1, 3, H, W) in [0, 1] -> scalar."""

_CLIP = ("ViT-B-16", "laion2b_s34b_b88k")


@functools.cache
def clip_embedding(device: torch.device) -> Embedding:
    """Image tower of CLIP (Radford et al. 2021), LAION-2B weights, differentiable, at 224 x 224.

    Raises:
        UserError: if the weights cannot be had.
    """
    import open_clip

    name, weights = _CLIP
    try:
        with torch.random.fork_rng(devices=[]):  # drawn for weights that are then replaced
            model = open_clip.create_model(name, pretrained=weights, device=device).eval().requires_grad_(False)
    except (OSError, RuntimeError, ValueError) as error:
        raise _missing(f"CLIP {name} ({weights})", error) from error
    mean = torch.tensor(open_clip.OPENAI_DATASET_MEAN, device=device).view(1, 3, 1, 1)
    std = torch.tensor(open_clip.OPENAI_DATASET_STD, device=device).view(1, 3, 1, 1)

    def embed(image: torch.Tensor) -> torch.Tensor:
        small = interpolate(image, size=(224, 224), mode="bicubic", antialias=True, align_corners=False)
        return cast(torch.Tensor, model.encode_image((small - mean) / std))

    return embed


@functools.cache
def lpips_distance(device: torch.device) -> Distance:
    """LPIPS with SqueezeNet (Zhang et al. 2018).

    Raises:
        UserError: if the weights cannot be had.
    """
    import lpips

    try:
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.simplefilter("ignore")  # `lpips` calls torchvision with arguments that it has since renamed
            model = lpips.LPIPS(net="squeeze", verbose=False).to(device).eval().requires_grad_(False)
    except (OSError, RuntimeError, ValueError) as error:
        raise _missing("LPIPS (SqueezeNet)", error) from error

    def distance(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, model(one, other, normalize=True)).mean()

    return distance


def _missing(what: str, error: Exception) -> UserError:
    return UserError(f"auxiliary='pretrained' needs the weights of {what}: {error}; auxiliary='surrogate' needs none")
