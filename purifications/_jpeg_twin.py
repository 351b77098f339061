"""A JPEG codec in torch: the forward pass rounds as a codec does, the backward pass has a gradient.

Tables and their scaling with quality follow ITU-T T.81 Annex K and libjpeg; colour follows JFIF (full-range BT.601).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

# fmt: off
_LUMA = (
    16, 11, 10, 16, 24, 40, 51, 61,
    12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,
    24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
)
_CHROMA = (
    17, 18, 24, 47, 99, 99, 99, 99,
    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99,
    *[99] * 32,
)
# fmt: on
TO_YCBCR = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
_TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))


def jpeg_twin(image: torch.Tensor, *, quality: int, halve_chroma: bool) -> torch.Tensor:
    """Encode and decode, differentiably.

    Args:
        image: (1, 3, H, W) in [0, 1].
        quality: libjpeg quality, 1 to 100.
        halve_chroma: 4:2:0 if true, 4:4:4 otherwise.
    """
    height, width = image.shape[-2:]
    block = 16 if halve_chroma else 8
    padded = F.pad(image, (0, -width % block, 0, -height % block), mode="replicate")
    ycbcr = _pass_through(_mix(padded * 255, TO_YCBCR)) - 128 * _luma_only(image)
    luma = _decoded(ycbcr[:, :1], quantisation(quality, chroma=False))
    chroma = ycbcr[:, 1:]
    if halve_chroma:
        chroma = _decoded(F.avg_pool2d(chroma, 2), quantisation(quality, chroma=True))
        # Decoders interpolate with weights 3/4 and 1/4, which is what bilinear gives at a factor of two.
        chroma = F.interpolate(chroma, scale_factor=2, mode="bilinear", align_corners=False)
    else:
        chroma = _decoded(chroma, quantisation(quality, chroma=True))
    decoded = torch.cat((luma, chroma), dim=1) + 128 * _luma_only(image)
    return (_mix(decoded, _TO_RGB)[..., :height, :width] / 255).clamp(0, 1)


def quantisation(quality: int, *, chroma: bool) -> torch.Tensor:
    """The (8, 8) quantisation table that libjpeg uses at a quality, float32, whole numbers from 1 to 255."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    base = torch.tensor(_CHROMA if chroma else _LUMA).reshape(8, 8)
    return ((base * scale + 50) // 100).clamp(1, 255).to(torch.float32)


def _decoded(plane: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """One plane through DCT, quantisation and back: (1, C, H, W) in [-128, 127], sides multiples of 8."""
    dct, table = _dct_matrix().to(plane), table.to(plane)
    _, channels, height, width = plane.shape
    blocks = _pass_through(plane).reshape(1, channels, height // 8, 8, width // 8, 8).transpose(3, 4)
    coefficients = dct @ blocks @ dct.T
    restored = dct.T @ (_smooth_round(coefficients / table) * table) @ dct
    return _pass_through(restored.transpose(3, 4).reshape(plane.shape)).clamp(-128, 127)


def _pass_through(value: torch.Tensor) -> torch.Tensor:
    """Round to whole levels; the gradient passes unchanged."""
    return value + (value.round() - value).detach()


def _smooth_round(value: torch.Tensor) -> torch.Tensor:
    """Round; the gradient is that of r + (x - r)^3 (Shin and Song 2017).

    It is small for what is about to be rounded away, so an optimiser does not spend its budget on coefficients that a
    codec removes.
    """
    whole = value.detach().round()
    smooth = whole + (value - whole) ** 3
    return smooth + (whole - smooth).detach()


def _dct_matrix() -> torch.Tensor:
    """The orthonormal eight-point DCT-II, frequency by position."""
    frequency, position = torch.arange(8.0)[:, None], torch.arange(8.0)[None]
    matrix = torch.cos((2 * position + 1) * frequency * math.pi / 16) / 2
    matrix[0] /= math.sqrt(2)
    return matrix


def _mix(image: torch.Tensor, matrix: tuple[tuple[float, ...], ...]) -> torch.Tensor:
    return torch.einsum("kc,bchw->bkhw", torch.tensor(matrix).to(image), image)


def _luma_only(image: torch.Tensor) -> torch.Tensor:
    return torch.tensor([1.0, 0.0, 0.0]).to(image).reshape(1, 3, 1, 1)
