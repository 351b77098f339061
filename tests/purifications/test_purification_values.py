"""Noise by its statistics, bit depth and cropping by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from antibench.contracts import ImageU8
from antibench.pixels import to_float
from antibench.purifications.bit_depth import BitDepth
from antibench.purifications.crop_resize import CropResize
from antibench.purifications.gaussian_noise import GaussianNoise

RNG = np.random.default_rng(0)
GREY: ImageU8 = np.full((200, 200, 3), 128, dtype=np.uint8)


def noise_of(deviation: float, twin: bool) -> np.ndarray:
    if twin:
        out = GaussianNoise().twin(to_float(GREY), strength=deviation, generator=torch.Generator().manual_seed(0))
        return out[0].permute(1, 2, 0).double().numpy() * 255 - 128
    return GaussianNoise().apply(GREY, strength=deviation, rng=np.random.default_rng(0)).astype(np.float64) - 128


@pytest.mark.parametrize("twin", [False, True])
@pytest.mark.parametrize("deviation", [0.02, 0.05, 0.1])
def test_noise_is_normal_with_that_deviation(deviation: float, twin: bool) -> None:
    """120,000 draws: the mean within four standard errors, so that truncation (half a level) shows."""
    noise = noise_of(deviation, twin)
    assert abs(noise.mean()) < 4 * 255 * deviation / np.sqrt(noise.size)
    assert abs(noise.std() / (255 * deviation) - 1) < 0.01
    assert abs(np.mean(noise**4) / noise.var() ** 2 - 3) < 0.1  # uniform noise has 1.8
    channels = np.corrcoef(noise.reshape(-1, 3).T)
    assert np.abs(channels - np.eye(3)).max() < 0.03
    assert abs(np.mean(noise[:, 1:] * noise[:, :-1])) < 0.03 * noise.var()


def test_noise_stops_at_black_and_white() -> None:
    ends = np.zeros((100, 100, 3), dtype=np.uint8)
    ends[50:] = 255
    noisy = GaussianNoise().apply(ends, strength=0.1, rng=RNG)
    assert noisy[:50].max() < 150  # nothing wraps round
    assert noisy[50:].min() > 105
    assert abs(np.mean(noisy[:50] == 0) - 0.5) < 0.02


@pytest.mark.parametrize(
    ("bits", "levels"),
    [(1, [0, 255]), (2, [0, 85, 170, 255]), (3, [0, 36, 73, 109, 146, 182, 219, 255]), (4, list(range(0, 256, 17)))],
)
def test_bit_depth_leaves_these_levels_and_takes_the_nearest(bits: int, levels: list[int]) -> None:
    every = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    found = BitDepth().apply(every, strength=bits, rng=RNG)
    assert np.unique(found).tolist() == levels
    apart = np.abs(every[..., :1].astype(int) - levels)
    assert np.array_equal(np.abs(found[..., 0].astype(int) - every[..., 0]), apart.min(axis=-1))


@pytest.mark.parametrize("bits", [5, 6, 7])
def test_bit_depth_has_two_to_the_bits_levels(bits: int) -> None:
    every = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    found = BitDepth().apply(every, strength=bits, rng=RNG)
    assert len(np.unique(found)) == 2**bits
    assert np.abs(found.astype(int) - every).max() <= 128 // 2**bits


def test_the_gradient_passes_bit_depth_unchanged() -> None:
    image = torch.rand((1, 3, 8, 9), generator=torch.Generator().manual_seed(0)).requires_grad_()
    out = BitDepth().twin(image, strength=3, generator=torch.Generator())
    (gradient,) = torch.autograd.grad((2 * out).sum(), image)
    assert torch.equal(gradient, torch.full_like(image, 2))


@pytest.mark.parametrize(("share", "left", "columns"), [(0.5, 16, 32), (0.75, 8, 48), (0.9, 3, 58), (1.0, 0, 64)])
def test_crop_resize_stretches_the_centre(share: float, left: int, columns: int) -> None:
    """A ramp of two levels a pixel, enlarged by 64 / columns, is a slower ramp that begins at the crop's left edge."""
    ramp = np.broadcast_to(2 * np.arange(64, dtype=np.uint8)[:, None], (50, 64, 3)).copy()
    found = CropResize().apply(ramp, strength=share, rng=RNG)
    expected = 2 * (left + (np.arange(64) + 0.5) * columns / 64 - 0.5)
    assert np.abs(found[:, 4:-4] - expected[4:-4, None]).max() <= 1
    upright = CropResize().apply(ramp.transpose(1, 0, 2), strength=share, rng=RNG)
    assert np.array_equal(upright, found.transpose(1, 0, 2))
