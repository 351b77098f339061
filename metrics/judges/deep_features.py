"""Image features: one vector per picture from a trunk trained on ImageNet, compared by their cosine.

Another network is another function from an (H, W, 3) uint8 image to a vector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from antibench.contracts import ImageU8, Unscored
from antibench.metrics.judges.memo import PixelMemo
from antibench.metrics.judges.stlpips import SMALLEST, st_lpips_net
from antibench.pixels import to_float

Features: TypeAlias = npt.NDArray[np.float32]
"""(K,)"""

_LARGEST = 224
"""Short side above which a picture is reduced first: the size the trunk was trained at."""


def vgg_features(image: ImageU8) -> Features:
    """The VGG16 trunk of ST-LPIPS: mean activation of each channel of its last three stages, (1280,).

    Each stage is scaled to unit length, so that all three weigh the same. Measured on rendered portraits at 64 px:
    frames of the same clip have a cosine of 0.995, of different people 0.83.

    Raises:
        UserError: if the weights are not installed.
    """
    return _VGG(image)


def mean_cosine(
    extract: Callable[[ImageU8], Features], images: Sequence[ImageU8], others: Sequence[ImageU8]
) -> float | Unscored:
    """Mean cosine of pairs of (H, W, 3) pictures of equal size."""
    height, width = images[0].shape[:2]
    if min(height, width) < SMALLEST:
        return Unscored(f"pictures of {height}x{width} are too small for image features")
    pairs = zip(images, others, strict=True)
    return float(np.mean([cosine(extract(image), extract(other)) for image, other in pairs]))


def cosine(a: Features, b: Features) -> float:
    """Cosine of two vectors in double precision, within -1..1; 0 if one of them is zero."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    length = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(np.clip(x @ y / length, -1, 1)) if length > 0 else 0.0


def _vgg(image: ImageU8) -> Features:
    pixels = to_float(image)
    short = min(pixels.shape[2:])
    with torch.no_grad():
        if short > _LARGEST:
            size = [round(side * _LARGEST / short) for side in pixels.shape[2:]]
            pixels = F.interpolate(pixels, size, mode="bilinear", antialias=True)
        stages = st_lpips_net("vgg").activations(pixels)[2:]
        means = [F.normalize(stage.mean(dim=(2, 3)), dim=1) for stage in stages]
    return torch.cat(means, dim=1)[0].numpy()


_VGG = PixelMemo(_vgg)
