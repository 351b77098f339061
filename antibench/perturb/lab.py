"""sRGB to CIE L*a*b* (D65, 2 degree observer) and back, differentiable everywhere.

IEC 61966-2-1 for the sRGB transfer curve and primaries, CIE 15 for L*a*b*.
"""

from __future__ import annotations

import torch

_RGB_TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
_WHITE = (0.95047, 1.0, 1.08883)
_KNEE = 6 / 29


def rgb_to_lab(image: torch.Tensor) -> torch.Tensor:
    """(N, 3, H, W) sRGB in [0, 1] -> L* in [0, 100], a* and b* in CIE units (about -110 to 110)."""
    # The clamps keep the branch that `where` drops away from the infinite slope of its power at zero.
    linear = torch.where(image > 0.04045, ((image.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4, image / 12.92)
    xyz = _mix(linear, _matrix(image)) / _white(image)
    f = torch.where(xyz > _KNEE**3, xyz.clamp(min=_KNEE**3) ** (1 / 3), xyz / (3 * _KNEE**2) + 4 / 29)
    x, y, z = f.unbind(1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), 1)


def lab_to_rgb(lab: torch.Tensor) -> torch.Tensor:
    """Inverse of `rgb_to_lab`. Colours outside sRGB give values outside [0, 1]; nothing is clipped."""
    lightness, a, b = lab.unbind(1)
    y = (lightness + 16) / 116
    f = torch.stack((y + a / 500, y, y - b / 200), 1)
    xyz = torch.where(f > _KNEE, f**3, 3 * _KNEE**2 * (f - 4 / 29)) * _white(lab)
    linear = _mix(xyz, torch.linalg.inv(_matrix(lab)))
    return torch.where(linear > 0.0031308, 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055, 12.92 * linear)


def _matrix(like: torch.Tensor) -> torch.Tensor:
    return torch.tensor(_RGB_TO_XYZ, dtype=like.dtype, device=like.device)


def _white(like: torch.Tensor) -> torch.Tensor:
    return torch.tensor(_WHITE, dtype=like.dtype, device=like.device).view(1, 3, 1, 1)


def _mix(channels: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    return torch.einsum("ij,njhw->nihw", matrix, channels)
