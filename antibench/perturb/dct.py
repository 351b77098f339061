"""Orthonormal two-dimensional DCT-II of whole images, as two matrix products."""

from __future__ import annotations

import functools
import math

import torch


def dct2(image: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) -> coefficients of the same shape; [..., 0, 0] is the mean times sqrt(H W)."""
    rows, columns = _bases(image)
    return rows @ image @ columns.T


def idct2(coefficients: torch.Tensor) -> torch.Tensor:
    """Inverse of `dct2`."""
    rows, columns = _bases(coefficients)
    return rows.T @ coefficients @ columns


def low_frequencies(height: int, width: int, share: float) -> torch.Tensor:
    """Mask (1, 1, height, width), 1 on the lowest `share` of the rows and of the columns, at least one of each."""
    mask = torch.zeros(1, 1, height, width)
    mask[..., : math.ceil(height * share), : math.ceil(width * share)] = 1
    return mask


def _bases(like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    height, width = like.shape[-2:]
    return _basis(height, like.dtype, like.device), _basis(width, like.dtype, like.device)


@functools.lru_cache(maxsize=8)
def _basis(size: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """(size, size); row k is the k-th cosine. Built in float64: float32 phases lose orthonormality at large sizes."""
    index = torch.arange(size, dtype=torch.float64)
    basis = torch.cos(math.pi / size * (index + 0.5)[None, :] * index[:, None]) * math.sqrt(2 / size)
    basis[0] /= math.sqrt(2)
    return basis.to(dtype=dtype, device=device)
