"""What the image tower sees of a picture: blurred before it is shrunk, resized to a square, normalised."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms.v2.functional import gaussian_blur, normalize

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
SMALLEST_SIGMA = 0.001
"""Of an axis that is not shrunk while the other is."""


def clip_pixels(pixels: Tensor, size: int = 224) -> Tensor:
    """(B, 3, H, W) in [-1, 1] to (B, 3, size, size), normalised with CLIP's mean and deviation; differentiable.

    The aspect ratio is not kept. A picture that is shrunk along either axis is blurred first, along each axis with
    sigma = (factor - 1) / 2; a picture that is not is not blurred.
    """
    factors = [side / size for side in pixels.shape[2:]]
    if max(factors) > 1:
        sigmas = [max((factor - 1) / 2, SMALLEST_SIGMA) for factor in factors]
        kernel = [max(int(4 * sigma), 3) // 2 * 2 + 1 for sigma in sigmas]
        pixels = gaussian_blur(pixels, kernel[::-1], sigmas[::-1])  # torchvision takes (x, y)
    resized = F.interpolate(pixels, size=(size, size), mode="bicubic", align_corners=True)
    normalised: Tensor = normalize((resized + 1) / 2, list(MEAN), list(STD))
    return normalised
