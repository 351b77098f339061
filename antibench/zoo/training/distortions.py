"""Graded distortions of photos, for a network that rates quality: each of five levels, from barely visible to ruined.

The strengths of a kind run geometrically from its weakest to its strongest. Over rendered photos of 64 px the mean SSIM
falls from 0.94-1.00 at the first level through 0.79-0.93 (colour 0.99) at the third to 0.32-0.78 at the last. Those of
`HELD_OUT` are for validation: no network is trained on them. No kind is a protection, nor looks for a gradient.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from antibench.pixels import to_float, to_u8
from antibench.zoo.training.draws import Draws

LEVELS = 5
BLOCK = 8
"""Side of the blocks that get lost, in pixels."""


@dataclass(frozen=True)
class Distortion:
    """One kind.

    Attributes:
        weakest: Strength of the first level, in the kind's own unit.
        strongest: Strength of the last one.
        apply: Photo (1, 3, H, W) in [0, 1], strength, another photo of that size and draws to the distorted photo.
    """

    weakest: float
    strongest: float
    apply: Callable[[Tensor, float, Tensor, Draws], Tensor]

    def strength(self, level: int) -> float:
        """The strength of a level, 0 to 4."""
        share = level / (LEVELS - 1)
        return float(self.weakest ** (1 - share) * self.strongest**share)


def distorted(photo: Tensor, kind: str, level: int, other: Tensor, draws: Draws) -> Tensor:
    """A photo (3, H, W) in [0, 1] after one distortion, in whole 8-bit levels.

    Args:
        photo: The photo.
        kind: A key of `TRAINED` or `HELD_OUT`.
        level: 0, barely visible, to 4.
        other: Another photo of the same size, which ghosting shows.
        draws: The only source of randomness.
    """
    one = {**TRAINED, **HELD_OUT}[kind]
    found = one.apply(photo[None].cpu(), one.strength(level), other[None].cpu(), draws)
    return (found.clamp(0, 1) * 255).round()[0].to(photo.device) / 255


def _number(draws: Draws, low: float, high: float) -> float:
    return low + (high - low) * float(draws.uniform(1))


def _filtered(photo: Tensor, kernel: Tensor) -> Tensor:
    """Correlate every channel with a (K, K) kernel, K odd; edges repeat."""
    reach = kernel.shape[-1] // 2
    padded = F.pad(photo, (reach,) * 4, mode="replicate")
    return F.conv2d(padded, kernel.expand(3, 1, *kernel.shape), groups=3)


def _blur(photo: Tensor, sigma: float, other: Tensor, draws: Draws) -> Tensor:
    reach = max(1, math.ceil(3 * sigma))
    at = torch.exp(-(torch.arange(-reach, reach + 1.0) ** 2) / (2 * sigma**2))
    at = at / at.sum()
    return _filtered(photo, at[:, None] * at)


def _noise(photo: Tensor, levels: float, other: Tensor, draws: Draws) -> Tensor:
    return photo + draws.normal(*photo.shape).cpu() * levels / 255


def _jpeg(photo: Tensor, coarseness: float, other: Tensor, draws: Draws) -> Tensor:
    """Strength is 100 / quality."""
    buffer = io.BytesIO()
    Image.fromarray(to_u8(photo)).save(buffer, "JPEG", quality=max(1, round(100 / coarseness)))
    return to_float(np.array(Image.open(buffer)))


def _resize(photo: Tensor, factor: float, other: Tensor, draws: Draws) -> Tensor:
    size = [max(2, round(side / factor)) for side in photo.shape[-2:]]
    small = F.interpolate(photo, size, mode="bilinear", antialias=True)
    return F.interpolate(small, photo.shape[-2:], mode="bilinear" if _number(draws, 0, 1) < 0.5 else "nearest")


def _colour(photo: Tensor, levels: float, other: Tensor, draws: Draws) -> Tensor:
    """All pixels by one vector of that length, in a random direction of RGB."""
    towards = F.normalize(draws.normal(1, 3, 1, 1).cpu(), dim=1)
    return photo + towards * levels / 255


def _ghost(photo: Tensor, share: float, other: Tensor, draws: Draws) -> Tensor:
    return (1 - share) * photo + share * other


def _lost_blocks(photo: Tensor, share: float, other: Tensor, draws: Draws) -> Tensor:
    """That share of the blocks shows what lies elsewhere in the photo, as after a damaged motion vector."""
    height, width = photo.shape[-2:]
    down, right = (int(_number(draws, 4, side // 2)) for side in (height, width))
    moved = torch.roll(photo, (down, right), (-2, -1))
    lost = draws.uniform(1, 1, -(-height // BLOCK), -(-width // BLOCK)).cpu() < share
    mask = lost.repeat_interleave(BLOCK, -2).repeat_interleave(BLOCK, -1)[..., :height, :width]
    return torch.where(mask, moved, photo)


def _motion_blur(photo: Tensor, length: float, other: Tensor, draws: Draws) -> Tensor:
    """Mean along a line of that many pixels in a random direction."""
    angle, reach = _number(draws, 0, math.pi), math.ceil(length / 2)
    at = torch.arange(-reach, reach + 1.0)
    along = at * math.cos(angle) + at[:, None] * math.sin(angle)
    across = at[:, None] * math.cos(angle) - at * math.sin(angle)
    kernel = (1 - across.abs()).clamp(min=0) * (length / 2 + 0.5 - along.abs()).clamp(0, 1)
    return _filtered(photo, kernel / kernel.sum())


def _impulses(photo: Tensor, share: float, other: Tensor, draws: Draws) -> Tensor:
    """That share of the pixels is black or white."""
    drawn = draws.uniform(1, 1, *photo.shape[-2:]).cpu()
    return torch.where(drawn < share, (drawn < share / 2).float(), photo)


def _posterised(photo: Tensor, step: float, other: Tensor, draws: Draws) -> Tensor:
    """Colours in whole steps of that many levels."""
    return (photo * 255 / step).round() * step / 255


def _warped(photo: Tensor, pixels: float, other: Tensor, draws: Draws) -> Tensor:
    """Every place moves by a smooth random field of that standard deviation: shapes melt."""
    height, width = photo.shape[-2:]
    coarse = draws.normal(1, 2, 9, 9).cpu()
    field = F.interpolate(coarse, (height, width), mode="bicubic", align_corners=True) * pixels
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    x, y = (columns + field[0, 0] + 0.5) / width * 2 - 1, (rows + field[0, 1] + 0.5) / height * 2 - 1
    return F.grid_sample(photo, torch.stack([x, y], dim=-1)[None], padding_mode="border", align_corners=False)


def _echo(photo: Tensor, share: float, other: Tensor, draws: Draws) -> Tensor:
    """A second image of the photo itself, beside the first."""
    down, right = (round(_number(draws, -0.12, 0.12) * side) or 3 for side in photo.shape[-2:])
    return (1 - share) * photo + share * torch.roll(photo, (down, right), (-2, -1))


TRAINED: Mapping[str, Distortion] = {
    "blur": Distortion(0.4, 3, _blur),
    "noise": Distortion(2, 32, _noise),
    "jpeg": Distortion(1.05, 20, _jpeg),
    "resize": Distortion(1.15, 6, _resize),
    "colour": Distortion(4, 90, _colour),
    "ghost": Distortion(0.06, 0.55, _ghost),
    "lost-blocks": Distortion(0.02, 0.5, _lost_blocks),
}
HELD_OUT: Mapping[str, Distortion] = {
    "motion-blur": Distortion(1.5, 13, _motion_blur),
    "impulses": Distortion(0.001, 0.08, _impulses),
    "posterised": Distortion(12, 110, _posterised),
    "warped": Distortion(0.25, 4, _warped),
    "echo": Distortion(0.06, 0.55, _echo),
}
