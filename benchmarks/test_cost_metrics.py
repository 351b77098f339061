"""What each metric costs against the clip that it scores: scoring must stay cheap beside making clips."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from conftest import Ratio, seconds

from antibench.contracts import Case, CellView, Unscored
from antibench.registry import DATASETS, METRICS, MODELS

LIMIT = 2.0


@cache
def model() -> object:
    """The model of the smallest suites."""
    return MODELS.create("dynamicrafter-small").load("cpu")


@cache
def case() -> Case:
    """A portrait of the split that nothing scores."""
    (found,) = DATASETS.create("portraits", {"count": 1, "split": "tune"}).cases()
    return found


def clip() -> np.ndarray:
    return model().generate(case().photo, case().caption, 0)


@cache
def clip_seconds() -> float:
    """The fastest of three: what else the machine does only adds to it."""
    return min(seconds(clip) for _ in range(3))


@cache
def view() -> CellView:
    """The clean photo and its clip."""
    frames = clip()
    photo = case().photo
    return CellView(photo, photo.copy(), photo.copy(), frames, frames.copy(), caption=case().caption, budget_levels=8)


@pytest.mark.parametrize("name", [entry.name for entry in METRICS.entries()])
def test_scoring_with(name: str, ratio: Ratio) -> None:
    metric = METRICS.create(name)
    try:
        metric.score(view())
    except Exception as error:  # weights that are not at hand
        pytest.skip(f"{type(error).__name__}: {error}")
    fresh = view()

    def score() -> float | Unscored:
        # Judges remember what they found in a view; a new one is as what a run scores.
        copied = CellView(
            fresh.photo.copy(),
            fresh.protected.copy(),
            fresh.seen.copy(),
            fresh.frames.copy(),
            None if fresh.clean_frames is None else fresh.clean_frames.copy(),
            caption=fresh.caption,
            budget_levels=fresh.budget_levels,
        )
        return METRICS.create(name).score(copied)

    ratio(score, clip_seconds(), "a clip of dynamicrafter-small", rounds=2, limit=LIMIT)
