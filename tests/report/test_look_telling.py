"""What is said of pictures that did not fit, where there are many of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from antibench.report.html.telling import left_out
from antibench.report.html.views import Place

PURIFICATIONS = ["none", *(f"jpeg({quality})" for quality in range(20))]


def places(model: str, count: int) -> list[Place]:
    names = PURIFICATIONS[:count]
    return [cast(Place, SimpleNamespace(photo="one", model=model, purification=name, protection="p")) for name in names]


def test_many_pairs_are_counted_by_model_and_not_all_named() -> None:
    wanted = [*places("first", 21), *places("second", 21)]
    views: Any = [SimpleNamespace(place=place) for place in [*places("first", 21), *places("second", 9)]]
    (told,) = left_out(views, wanted, 2_000_000)
    assert told == (
        "Of one, 30 of 42 pairs of model and purification (first: all; second: none, jpeg(0) and 7 more): "
        "the pictures of a page may take 2 MB."
    )
