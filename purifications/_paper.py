"""What paper, ink and a second lens do to a photo, differentiably."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from .gaussian_blur import GaussianBlur


class Tier(NamedTuple):
    """How far a print is from the photo."""

    saturation: float
    """What is left of the colours' distance from grey: ink has a smaller gamut."""
    paper: float
    """Level of black ink, and how far white paper is from 1."""
    corner: float
    """Largest shift of a corner, as a share of the side, in each direction."""
    blur: float
    """Sigma in pixels."""
    noise: float
    """Standard deviation on [0, 1]."""
    quality: int
    """Of the JPEG, 4:2:0."""


def scanned(image: torch.Tensor, tier: Tier, corners: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Everything but the JPEG, differentiable: (1, 3, H, W) in [0, 1] -> the same.

    Args:
        image: The photo.
        tier: The sizes.
        corners: (4, 2) in [-1, 1]: shifts right and down of the upper left, upper right, lower right and lower left.
        noise: Standard normal, shape of the image.
    """
    luma = torch.tensor([0.299, 0.587, 0.114]).to(image).reshape(1, 3, 1, 1)
    grey = (image * luma).sum(dim=1, keepdim=True)
    inked = tier.paper + (1 - 2 * tier.paper) * (grey + tier.saturation * (image - grey))
    seen = _from_an_angle(inked, tier.corner * corners)
    seen = GaussianBlur().twin(seen, strength=tier.blur, generator=torch.Generator())  # draws nothing
    return (seen + tier.noise * noise).clamp(0, 1)


def _from_an_angle(image: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Sample bilinearly so that the result's corners come from the photo's corners moved by shares of its sides."""
    height, width = image.shape[-2:]
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], dtype=np.float32)
    moved = square + 2 * shifts.detach().cpu().numpy().astype(np.float32)
    matrix = torch.from_numpy(cv2.getPerspectiveTransform(square, moved)).to(image)
    down, right = ((2 * torch.arange(side).to(image) + 1) / side - 1 for side in (height, width))
    places = torch.stack(
        (right.expand(height, width), down[:, None].expand(height, width), torch.ones_like(image[0, 0]))
    )
    x, y, scale = torch.einsum("kc,chw->khw", matrix, places)
    grid = torch.stack((x / scale, y / scale), dim=-1)[None]
    return F.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)
