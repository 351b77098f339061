"""Resizing against block means computed by hand, its twin against Pillow."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch

from antibench.errors import UserError
from antibench.pixels import to_float
from antibench.purifications.resize import Resize
from antibench.registry import PURIFICATIONS
from antibench.testing.purification_contract import sample_photo

RNG = np.random.default_rng(0)


def test_box_at_half_is_the_mean_of_two_by_two_blocks() -> None:
    photo = sample_photo()
    means = photo.reshape(24, 2, 32, 2, 3).astype(np.float64).mean(axis=(1, 3))
    by_hand = means.repeat(2, axis=0).repeat(2, axis=1)
    result = Resize("box").apply(photo, strength=0.5, rng=RNG)
    assert np.abs(result - by_hand).max() <= 1  # Pillow rounds after each axis


def test_smaller_is_antialiased() -> None:
    stripes = np.zeros((32, 32, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    result = Resize().apply(stripes, strength=0.25, rng=RNG)
    assert np.abs(result[8:-8, 8:-8].astype(int) - 127).max() <= 3


@pytest.mark.parametrize("size", [(48, 64), (37, 51), (1, 1)])
@pytest.mark.parametrize("filter_name", ["bicubic", "bilinear", "lanczos", "box"])
def test_twin_differs_by_rounding_alone(
    filter_name: Literal["bicubic", "bilinear", "lanczos", "box"], size: tuple[int, int]
) -> None:
    """Measured: up to 0.49 levels on average; Pillow rounds four times, the twin never."""
    photo = sample_photo(size=size)
    plugin = Resize(filter_name)
    for scale in plugin.grid:
        twin = plugin.twin(to_float(photo), strength=scale, generator=torch.Generator())
        real = plugin.apply(photo, strength=scale, rng=RNG)
        error = np.abs(twin[0].permute(1, 2, 0).numpy() * 255 - real)
        assert error.mean() < 0.5
        assert error.max() < 2


@pytest.mark.parametrize("strength", [0, 1, -0.5, float("nan")])
def test_a_scale_that_does_not_shrink_is_refused(strength: float) -> None:
    with pytest.raises(ValueError, match="scale between 0 and 1"):
        Resize().apply(sample_photo(), strength=strength, rng=RNG)


def test_an_unknown_filter_is_refused() -> None:
    with pytest.raises(UserError, match="filter must be bicubic"):
        PURIFICATIONS.create("resize", {"filter": "nearest"})
