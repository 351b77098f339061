"""The portraits as a dataset: numbered by person, rendered one by one, the same on every reading."""

from __future__ import annotations

import numpy as np
import pytest

import antibench.zoo.portraits as zoo
from antibench.contracts import Case, FramesU8
from antibench.datasets.portraits import Portraits
from antibench.errors import UserError
from antibench.registry import DATASETS


def cases(dataset: Portraits) -> list[Case]:
    return [case for case in dataset.cases() if isinstance(case, Case)]


def test_the_first_people_of_many_are_the_few() -> None:
    few, many = cases(Portraits(count=2, size=32, frames=2)), cases(Portraits(count=3, size=32, frames=2))
    assert [case.id for case in many] == ["portrait-test-0000", "portrait-test-0001", "portrait-test-0002"]
    assert [(case.id, case.sha256, case.caption) for case in few] == [
        (case.id, case.sha256, case.caption) for case in many[:2]
    ]


def test_it_may_begin_later_with_people_of_their_own() -> None:
    all_three, later = (cases(Portraits(count=c, size=32, frames=1, first=f)) for c, f in ((3, 0), (2, 1)))
    assert [(case.id, case.sha256) for case in later] == [(case.id, case.sha256) for case in all_three[1:]]
    with pytest.raises(ValueError, match="first must be a whole number from 0, got -1"):
        Portraits(first=-1)


def test_the_photo_is_the_first_frame() -> None:
    (case,) = cases(Portraits(count=1, size=32, frames=3))
    assert case.clip is not None
    assert case.clip.shape == (3, 32, 32, 3)
    assert np.array_equal(case.photo, case.clip[0])
    assert case.caption.startswith("a person ")


def test_splits_and_people_differ() -> None:
    photos = [case.sha256 for split in ("test", "tune", "train") for case in cases(Portraits(2, split, 32, 1))]
    assert len(set(photos)) == 6


def test_ids_render_nothing_and_cases_render_as_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[tuple[str, int]] = []

    def fake(split: str, index: int, size: int, frames: int) -> tuple[FramesU8, str]:
        rendered.append((split, index))
        return np.full((frames, size, size, 3), index, dtype=np.uint8), "a caption"

    monkeypatch.setattr(zoo, "portrait_clip", fake)
    dataset = Portraits(count=1000, split="tune")
    assert len(dataset.ids()) == 1000
    assert rendered == []
    reading = dataset.cases()
    next(reading)
    next(reading)
    assert rendered == [("tune", 0), ("tune", 1)]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"count": 0}, "count must be a whole number from 1"),
        ({"count": 2.5}, "count must be a whole number from 1"),
        ({"size": True}, "size must be a whole number from 1"),
        ({"split": "holdout"}, "split must be test, tune or train"),
    ],
)
def test_parameters_that_make_no_sense(params: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        DATASETS.create("portraits", params)
