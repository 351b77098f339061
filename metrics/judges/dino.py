"""DINO image features: the class token of a ViT trained without labels.

v1 is prepared as VBench and Immune2V do it: the short side to 224 px (bilinear, not antialiased), no cut, so the grid
of patches follows the picture's aspect. v2 is prepared as its own processor does it: short side to 256 px (bicubic,
antialiased), the central 224 px.
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import torch
from torchvision.transforms.functional import InterpolationMode, center_crop, normalize, resize

from antibench.contracts import ImageU8
from antibench.metrics.judges.deep_features import Features
from antibench.metrics.judges.fetched import from_hub
from antibench.metrics.judges.memo import PixelMemo
from antibench.pixels import to_float

V1 = "facebook/dino-vitb16", "f205d5d8e640a89a2b8ef0369670dfc37cc07fc2"
V2 = "facebook/dinov2-base", "f9e44c814b77203eaa57a6bdbbd535f21ede1415"
LICENCE = "weights Apache-2.0"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet."""
_SIDE = 224


@cache
def dino_net() -> Any:
    """DINO ViT-B/16, once per process.

    Raises:
        UserError: if its weights were not fetched.
    """
    from transformers import ViTModel

    return from_hub(ViTModel, *V1, add_pooling_layer=False)


@cache
def dinov2_net() -> Any:
    """DINOv2 ViT-B/14, once per process.

    Raises:
        UserError: if its weights were not fetched.
    """
    from transformers import Dinov2Model

    return from_hub(Dinov2Model, *V2)


def dino_input(image: ImageU8) -> torch.Tensor:
    """(H, W, 3) uint8 as DINO sees it: (1, 3, h, w) with a short side of 224 px."""
    pixels = resize(to_float(image), [_SIDE], InterpolationMode.BILINEAR, antialias=False)
    return cast(torch.Tensor, normalize(pixels, MEAN, STD))


def dinov2_input(image: ImageU8) -> torch.Tensor:
    """(H, W, 3) uint8 as DINOv2 sees it: (1, 3, 224, 224)."""
    pixels = resize(to_float(image), [256], InterpolationMode.BICUBIC, antialias=True)
    return cast(torch.Tensor, normalize(center_crop(pixels.clamp(0, 1), [_SIDE]), MEAN, STD))


def dino_features(image: ImageU8) -> Features:
    """Class token of DINO ViT-B/16, (768,).

    Raises:
        UserError: if its weights were not fetched.
    """
    return _V1(image)


def dinov2_features(image: ImageU8) -> Features:
    """Class token of DINOv2 ViT-B/14, (768,).

    Raises:
        UserError: if its weights were not fetched.
    """
    return _V2(image)


def _v1(image: ImageU8) -> Features:
    with torch.no_grad():
        tokens = dino_net()(dino_input(image), interpolate_pos_encoding=True).last_hidden_state
    return cast(Features, tokens[0, 0].numpy())


def _v2(image: ImageU8) -> Features:
    with torch.no_grad():
        return cast(Features, dinov2_net()(dinov2_input(image)).last_hidden_state[0, 0].numpy())


_V1 = PixelMemo(_v1)
_V2 = PixelMemo(_v2)
