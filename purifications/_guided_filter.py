"""The guided filter with a colour guide: He, Sun and Tang, Guided Image Filtering, ECCV 2010.

In torch, so that a purification and its twin are one and the same; `cv2.ximgproc`, which has one too, lies in another
distribution of OpenCV than the one that albumentations installs.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F


def guided_filter(
    image: torch.Tensor, guide: torch.Tensor, *, radius: int, epsilon: float, passes: int
) -> torch.Tensor:
    """In each window the image as an affine function of the guide's three channels; the functions averaged.

    Args:
        image: (1, 3, H, W).
        guide: The same shape.
        radius: Windows have a side of 2 * radius + 1; edges are mirrored, the edge pixel itself repeated.
        epsilon: Ridge on the slopes, in squared units of the guide.
        passes: How often the result is filtered again under the same guide.
    """
    mean_guide = _box(guide, radius)
    spread = _box(_outer(guide, guide), radius) - _outer(mean_guide, mean_guide)  # covariance of guide channels
    ridged = _pairs(spread).permute(0, 3, 4, 1, 2) + epsilon * torch.eye(3).to(guide)
    inverse = torch.linalg.inv(ridged)
    for _ in range(passes):
        mean = _box(image, radius)
        shared = _pairs(_box(_outer(guide, image), radius) - _outer(mean_guide, mean))  # guide channel by image channel
        slopes = torch.einsum("bhwgk,bkchw->bgchw", inverse, shared)
        offsets = mean - (slopes * mean_guide[:, :, None]).sum(dim=1)
        mean_slopes = _pairs(_box(slopes.flatten(1, 2), radius))
        image = (mean_slopes * guide[:, :, None]).sum(dim=1) + _box(offsets, radius)
    return image


def _outer(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return (one[:, :, None] * other[:, None]).flatten(1, 2)


def _pairs(planes: torch.Tensor) -> torch.Tensor:
    return planes.reshape(1, 3, 3, *planes.shape[-2:])


def _box(planes: torch.Tensor, radius: int) -> torch.Tensor:
    rows, columns = (torch.from_numpy(np.pad(np.arange(side), radius, mode="symmetric")) for side in planes.shape[-2:])
    padded = planes[..., rows.to(planes.device), :][..., columns.to(planes.device)]
    return F.avg_pool2d(padded, 2 * radius + 1, stride=1)
