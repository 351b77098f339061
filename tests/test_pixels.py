"""Bytes and floats: every level survives, rounding is to nearest, nothing that is not a number gets through."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from antibench.contracts import ImageU8
from antibench.pixels import digest, fit, frames_to_u8, from_png, to_float, to_png, to_u8

IMAGES = hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))
CLIPS = hnp.arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), st.just(3)))


def one_row(levels: list[float]) -> torch.Tensor:
    """(1, 3, 1, n) in [0, 1] from levels."""
    return (torch.tensor(levels, dtype=torch.float64) / 255).expand(1, 3, 1, -1)


def test_all_levels_survive_the_way_to_float_and_back() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    assert np.array_equal(to_u8(to_float(levels)), levels)


@given(IMAGES)
def test_images_survive_the_way_to_float_and_back(image: ImageU8) -> None:
    floats = to_float(image)
    assert floats.shape == (1, 3, *image.shape[:2])
    assert floats.dtype == torch.float32
    assert float(floats.min()) >= 0
    assert float(floats.max()) <= 1
    assert np.array_equal(to_u8(floats), image)


@given(CLIPS)
def test_clips_survive_the_way_to_float_and_back(clip: Any) -> None:
    assert np.array_equal(frames_to_u8(to_float(clip)), clip)


def test_channels_and_axes_stay_in_place() -> None:
    image = np.zeros((2, 3, 3), dtype=np.uint8)
    image[1, 2] = (255, 51, 0)
    assert to_float(image)[0, :, 1, 2].tolist() == pytest.approx([1, 0.2, 0])
    assert to_float(image)[0, :, 0, 0].tolist() == [0, 0, 0]


@given(st.floats(0, 255))
def test_rounding_is_to_the_nearest_level(level: float) -> None:
    (rounded,) = to_u8(one_row([level]))[0, :, 0].tolist()
    assert abs(rounded - level) <= 0.5 + 1e-4  # float32 in between


def test_levels_are_rounded_not_truncated() -> None:
    assert to_u8(one_row([0.4, 0.6, 7.51, 8.49, 254.6]))[0, :, 0].tolist() == [0, 1, 8, 8, 255]


def test_beyond_the_range_is_clipped() -> None:
    assert to_u8(one_row([-80, -0.1, 255.4, 1000]))[0, :, 0].tolist() == [0, 0, 255, 255]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("convert", [to_u8, frames_to_u8])
def test_what_is_not_finite_is_refused(convert: Any, value: float) -> None:
    image = torch.zeros(1, 3, 4, 4)
    image[0, 1, 2, 3] = value
    with pytest.raises(ValueError, match="not finite"):
        convert(image)


@pytest.mark.parametrize("shape", [(3, 4, 4), (2, 3, 4, 4), (1, 4, 4, 4), (1, 1, 4, 4)])
def test_one_rgb_image_is_expected(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected one image"):
        to_u8(torch.zeros(shape))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4, 3), dtype=np.float32),
        np.zeros((4, 4), dtype=np.uint8),
        np.zeros((4, 4, 4), dtype=np.uint8),
        np.zeros((1, 2, 4, 4, 3), dtype=np.uint8),
    ],
)
def test_eight_bit_rgb_is_expected(image: Any) -> None:
    with pytest.raises(ValueError, match="expected uint8 of shape"):
        to_float(image)


def test_a_float_image_does_not_share_memory_with_its_bytes() -> None:
    image = np.zeros((2, 2, 3), dtype=np.uint8)
    to_float(image).add_(1)
    assert image.max() == 0


def test_half_precision_and_gradients_are_no_obstacle() -> None:
    image = torch.full((1, 3, 2, 2), 0.5, dtype=torch.bfloat16, requires_grad=True)
    assert set(np.unique(to_u8(image))) == {128}


@given(IMAGES)
def test_png_is_lossless(image: ImageU8) -> None:
    assert np.array_equal(from_png(to_png(image)), image)


def test_digest_is_sha256_of_shape_and_pixels() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert digest(image) == hashlib.sha256(b"(2, 2, 3)" + bytes(range(12))).hexdigest()


def test_digest_tells_shapes_apart_and_not_memory_layouts() -> None:
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert digest(image) != digest(image.reshape(4, 2, 3))
    assert digest(image) == digest(np.asfortranarray(image))


@given(IMAGES, st.integers(1, 12), st.integers(1, 12))
def test_fit_gives_the_size_asked_for(image: ImageU8, height: int, width: int) -> None:
    fitted = fit(image, (height, width))
    assert fitted.shape == (height, width, 3)
    assert fitted.dtype == np.uint8


@given(IMAGES)
def test_fit_leaves_a_photo_of_the_right_size_alone(image: ImageU8) -> None:
    assert np.array_equal(fit(image, image.shape[:2]), image)


@pytest.mark.parametrize(("have", "want"), [((10, 30), (5, 5)), ((30, 10), (5, 5)), ((20, 20), (4, 8))])
def test_fit_cuts_around_the_centre_without_stretching(have: tuple[int, int], want: tuple[int, int]) -> None:
    """Red outside the cut, blue inside: no red may be left, and nothing of the blue lost."""
    scale = min(have[0] / want[0], have[1] / want[1])
    height, width = round(want[0] * scale), round(want[1] * scale)
    top, left = (have[0] - height) // 2, (have[1] - width) // 2
    image = np.full((*have, 3), (255, 0, 0), dtype=np.uint8)
    image[top : top + height, left : left + width] = (0, 0, 255)
    assert np.array_equal(fit(image, want), np.full((*want, 3), (0, 0, 255), dtype=np.uint8))


def test_fit_resizes_as_pillow_does() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    cut = Image.fromarray(image[:, 10:50])
    assert np.array_equal(fit(image, (16, 16)), np.array(cut.resize((16, 16), Image.Resampling.LANCZOS)))
