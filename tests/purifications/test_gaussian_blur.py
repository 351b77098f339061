"""Gaussian blur and its twin against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from antibench.pixels import to_float
from antibench.purifications.gaussian_blur import GaussianBlur
from antibench.testing.purification_contract import sample_photo

RNG = np.random.default_rng(0)
SIZES = [(48, 64), (37, 51), (5, 40), (1, 1)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
def test_agrees_with_scipy(sigma: float, size: tuple[int, int]) -> None:
    photo = sample_photo(size=size)
    expected = gaussian_filter(photo.astype(np.float64), (sigma, sigma, 0), mode="mirror", truncate=4)
    real = GaussianBlur().apply(photo, strength=sigma, rng=RNG)
    twin = GaussianBlur().twin(to_float(photo), strength=sigma, generator=torch.Generator())
    assert np.abs(real - expected).max() < 0.51  # rounding alone
    assert np.abs(twin[0].permute(1, 2, 0).numpy() * 255 - expected).max() < 1e-3


def test_a_flat_image_stays_flat() -> None:
    for level in (0, 1, 128, 255):
        flat = np.full((20, 20, 3), level, dtype=np.uint8)
        assert np.array_equal(GaussianBlur().apply(flat, strength=2.0, rng=RNG), flat)


@pytest.mark.parametrize("strength", [0, -1, float("nan")])
def test_a_sigma_that_is_none_is_refused(strength: float) -> None:
    with pytest.raises(ValueError, match="sigma in pixels and must be above 0"):
        GaussianBlur().apply(sample_photo(), strength=strength, rng=RNG)
