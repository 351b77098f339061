"""Clips survive the store to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from antibench.video import decode, encode


@settings(max_examples=25, deadline=None)
@given(hnp.arrays(np.uint8, st.tuples(*(st.integers(1, 9),) * 3, st.just(3))), st.sampled_from([1.0, 7.0, 23.976]))
def test_round_trip(frames: np.ndarray, fps: float) -> None:
    decoded = decode(encode(frames, fps))
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, frames)


def test_every_pair_of_levels_survives() -> None:
    red, green = np.meshgrid(np.arange(256), np.arange(256))
    frame = np.stack([red, green, red[::-1]], axis=-1).astype(np.uint8)
    np.testing.assert_array_equal(decode(encode(frame[None], 8))[0], frame)


def test_same_clip_same_bytes() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (4, 16, 24, 3), dtype=np.uint8)
    assert encode(frames, 8) == encode(frames, 8)


@pytest.mark.parametrize(
    "bad",
    [np.zeros((0, 4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.uint8), np.zeros((1, 4, 4, 3), np.float32)],
)
def test_what_is_no_clip_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected a clip"):
        encode(bad, 8)
