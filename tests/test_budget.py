"""No proposal leaves the budget, whatever it is; what is inside comes through to the nearest level."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from antibench.budget import linf_levels, settle
from antibench.contracts import ImageU8
from antibench.pixels import to_float

SHAPE = (3, 4, 3)
PHOTOS = hnp.arrays(np.uint8, SHAPE)
BUDGETS = st.integers(0, 255)
CHANGES = hnp.arrays(np.float32, (1, 3, *SHAPE[:2]), elements=st.floats(-400, 400, width=32))
"""In levels; most lie far outside any budget."""


def flat(level: int) -> ImageU8:
    return np.full((1, 1, 3), level, dtype=np.uint8)


@given(PHOTOS, CHANGES, BUDGETS)
def test_the_final_image_is_within_every_budget(photo: ImageU8, change: np.ndarray, budget: int) -> None:
    settled = settle(to_float(photo) + torch.from_numpy(change) / 255, photo, budget)
    assert settled.image.dtype == np.uint8
    assert settled.image.shape == photo.shape
    assert settled.final_levels == int(np.abs(settled.image.astype(int) - photo.astype(int)).max())
    assert settled.final_levels <= budget


@given(PHOTOS, CHANGES)
def test_budget_zero_gives_the_photo_back(photo: ImageU8, change: np.ndarray) -> None:
    settled = settle(to_float(photo) + torch.from_numpy(change) / 255, photo, 0)
    assert settled.image.tobytes() == photo.tobytes()
    assert settled.final_levels == 0


@given(PHOTOS, PHOTOS, BUDGETS)
def test_whole_levels_within_the_budget_come_through(photo: ImageU8, other: ImageU8, budget: int) -> None:
    low, high = np.maximum(photo.astype(int) - budget, 0), np.minimum(photo.astype(int) + budget, 255)
    wanted = np.clip(other, low, high).astype(np.uint8)
    settled = settle(to_float(wanted), photo, budget)
    assert np.array_equal(settled.image, wanted)


@given(PHOTOS, PHOTOS, BUDGETS)
def test_what_is_outside_comes_to_the_nearest_level_inside(photo: ImageU8, other: ImageU8, budget: int) -> None:
    expected = np.clip(other.astype(int), photo.astype(int) - budget, photo.astype(int) + budget)
    settled = settle(to_float(other), photo, budget)
    assert np.array_equal(settled.image, expected)
    assert settled.proposed_levels == pytest.approx(linf_levels(other, photo), abs=1e-3)


@pytest.mark.parametrize("budget", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("level", [0, 1, 100, 254, 255])
def test_a_full_step_uses_the_whole_budget_and_no_level_more(level: int, budget: int) -> None:
    photo = flat(level)
    for sign in (-1, 1):
        settled = settle(to_float(photo) + sign, photo, budget)
        assert settled.image[0, 0, 0] == min(max(level + sign * budget, 0), 255)


def test_the_proposal_is_rounded_not_truncated() -> None:
    photo = flat(100)
    for change, final in [(2.4, 102), (2.6, 103), (-2.4, 98), (-2.6, 97)]:
        assert settle(to_float(photo) + change / 255, photo, 8).image[0, 0, 0] == final


def test_the_size_of_the_proposal_is_measured_before_projection() -> None:
    photo = flat(100)
    settled = settle(to_float(photo) + 20 / 255, photo, 8)
    assert settled.proposed_levels == pytest.approx(20, abs=1e-3)
    assert settled.final_levels == 8


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_refused(value: float) -> None:
    photo = np.zeros(SHAPE, dtype=np.uint8)
    proposal = to_float(photo)
    proposal[0, 1, 2, 3] = value
    with pytest.raises(ValueError, match="not finite"):
        settle(proposal, photo, 8)


@pytest.mark.parametrize("shape", [(3, 3, 4), (1, 3, 4, 3), (2, 3, 3, 4), (1, 1, 3, 4)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="returned shape"):
        settle(torch.zeros(shape), np.zeros(SHAPE, dtype=np.uint8), 8)


def test_neither_photo_nor_proposal_is_written_to() -> None:
    photo = flat(100)
    proposal = to_float(photo) + 0.5
    settle(proposal, photo, 8)
    assert np.array_equal(photo, flat(100))
    assert torch.equal(proposal, to_float(photo) + 0.5)


def test_levels_do_not_wrap_round() -> None:
    assert linf_levels(flat(0), flat(255)) == linf_levels(flat(255), flat(0)) == 255
    assert linf_levels(flat(7), flat(7)) == 0
