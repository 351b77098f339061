"""What each metric costs against the clip that it scores: scoring must stay cheap beside making clips."""

from __future__ import annotations

from functools import cache
from itertools import count

import numpy as np
import pytest
from conftest import Ratio, seconds

from antibench.contracts import Case, CellView, Unscored
from antibench.registry import DATASETS, METRICS, MODELS

LIMIT = 1.0
TURN = count()


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

    def score() -> float | Unscored:
        # Judges remember what they found in an image, and so must not have seen these.
        corner = next(TURN) % 256
        photo, protected, seen, frames, clean = (
            marked(image, corner)
            for image in (view().photo, view().protected, view().seen, view().frames, view().clean_frames)
        )
        fresh = CellView(photo, protected, seen, frames, clean, caption=view().caption, budget_levels=8)
        return METRICS.create(name).score(fresh)

    ratio(score, clip_seconds(), "a clip of dynamicrafter-small", rounds=2, limit=LIMIT)


def marked(image: np.ndarray, corner: int) -> np.ndarray:
    """A copy with other values in one corner."""
    copied = image.copy()
    copied[..., 0, 0, :] = corner
    return copied
