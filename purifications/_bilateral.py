"""The bilateral filter of OpenCV in torch."""

from __future__ import annotations

import numpy as np
import torch


def bilateral(image: torch.Tensor, *, diameter: int, sigma_colour: float, sigma_space: float) -> torch.Tensor:
    """Mean over a disc, weighted by distance in space and in colour (sum over channels, as OpenCV takes it).

    Args:
        image: (1, 3, H, W), in the units of `sigma_colour`. Edges are mirrored, the edge pixel itself not repeated.
        diameter: Of the disc, in pixels, odd.
        sigma_colour: Spread in colour.
        sigma_space: Spread in pixels.
    """
    height, width = image.shape[-2:]
    radius = diameter // 2
    rows, columns = (torch.from_numpy(np.pad(np.arange(side), radius, mode="reflect")) for side in (height, width))
    padded = image[..., rows.to(image.device), :][..., columns.to(image.device)]
    total, mass = torch.zeros_like(image), torch.zeros_like(image[:, :1])
    for down in range(-radius, radius + 1):
        for right in range(-radius, radius + 1):
            apart = down**2 + right**2
            if apart <= radius**2:
                there = padded[..., radius + down :, radius + right :][..., :height, :width]
                colour = (there - image).abs().sum(dim=1, keepdim=True)
                weight = torch.exp(-(colour**2) / (2 * sigma_colour**2) - apart / (2 * sigma_space**2))
                total, mass = total + weight * there, mass + weight
    return total / mass
