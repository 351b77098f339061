"""Purifications that are chosen for each photo: what each chooser may know, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from made_up_runs import World, metric

from antibench.chosen import _of_others, adaptive, best_of
from antibench.report.tables import tables
from antibench.scores import Group, Scores
from antibench.strength import Strengths
from antibench.summary import summarise

STRENGTHS = {"p": {"none": 0.6, "jpeg(75)": 0.3, "blur(1)": 0.0}}
LIKENESS, CONSISTENCY = "features-photo[vgg]", "vae-consistency[small]"
PHOTOS = 5
CLEAN = Group("clean", None, None, 0)


def run(likeness: dict[str, list[float]] | None = None, consistency: dict[str, list[float]] | None = None) -> World:
    """A run without noise, with scores of protected photos by purification; those of clean ones rise by photo."""
    world = World(STRENGTHS, photos=PHOTOS, spread=0.0)
    for name, values in ((LIKENESS, likeness), (CONSISTENCY, consistency)):
        if values is None:
            continue
        world.header["metrics"].append(metric(name, "lower" if name == LIKENESS else "neither", scope="photo"))
        for index, case in enumerate(world.cases):
            for purification in world.purifications:
                where = (None, purification, None)
                natural = 1.0 + 0.1 * index
                world._line(case, "reference", "clean", name, natural, "photo", *where)
                world._line(case, "protection", "p", name, values[purification][index], "photo", *where)
    return world


def strengths(world: World) -> Strengths:
    """Of the protection."""
    return Strengths(Scores(world.header, world.cells), "ism0[dlib]", Group("p", "zoo-small", "zoo-small", 8))


def estimate(measured: Any) -> float:
    """The number itself."""
    assert measured is not None
    assert measured.interval is not None, measured.reason
    return float(measured.interval.estimate)


def test_best_of_takes_the_purification_of_most_likeness_for_each_photo() -> None:
    world = run(likeness={"none": [9, 0, 0, 0, 0], "jpeg(75)": [0, 9, 9, 0, 0], "blur(1)": [0, 0, 0, 9, 9]})
    assert estimate(best_of(strengths(world))) == pytest.approx((0.6 + 2 * 0.3 + 2 * 0.0) / 5, abs=1e-6)
    assert adaptive(strengths(world)) is None  # the suite has no metric for it


def test_adaptive_holds_a_photo_against_other_people_purified_alike() -> None:
    # Of the others, photo 0 sees 1.1, 1.2, 1.3, 1.4: mean 1.25, deviation 0.129. A value of 1.25 is natural.
    far = [5.0] * PHOTOS
    world = run(consistency={"none": far, "jpeg(75)": [1.25, 1.2, 5, 5, 5], "blur(1)": [1.4, 1.4, 1.1, 1.1, 1.1]})
    assert estimate(adaptive(strengths(world))) == pytest.approx(2 * 0.3 / 5, abs=1e-6)


def test_adaptive_measures_in_the_deviations_of_each_purification() -> None:
    values = {"none": [2.0] * PHOTOS, "jpeg(75)": [2.0] * PHOTOS, "blur(1)": [9.0] * PHOTOS}
    world = run(consistency=values)
    for line in world.cells:
        if line["metric"] == CONSISTENCY and line["role"] == "reference" and line["purification"] == "jpeg(75)":
            line["value"] *= 3  # natural photos range three times as far there, so that 2 is less than usual
    assert estimate(adaptive(strengths(world))) == pytest.approx(0.3, abs=1e-6)


def test_a_photo_never_sees_its_own_clean_twin() -> None:
    values = {name: [1.0] * PHOTOS for name in STRENGTHS["p"]}
    first, other = run(consistency=values), run(consistency=values)
    own = (0.0, 99.0)
    found = []
    for world, value in zip((first, other), own, strict=True):
        for line in world.cells:
            if line["metric"] == CONSISTENCY and line["role"] == "reference" and line["case"] == world.cases[0]:
                line["value"] = value
        scores = strengths(world)
        natural = [scores.scores.per_photo(scores.place("none")._replace(metric=CONSISTENCY, group=CLEAN))]
        found.append(_of_others(natural, lambda others: float(np.mean(others)))[0])
    assert found[0][0] == found[1][0] == pytest.approx(1.25)
    assert (found[0][1:] != found[1][1:]).all()


def test_no_chooser_leaves_less_than_the_one_who_sees_the_videos() -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        values = {name: list(rng.random(PHOTOS)) for name in STRENGTHS["p"]}
        world = run(likeness=values, consistency=values)
        world.cells = [
            {**line, "value": line["value"] + 0.3 * rng.standard_normal()} if line["metric"] == "ism0[dlib]" else line
            for line in world.cells
        ]
        own = strengths(world)
        worst = estimate(own.worst_case())
        assert worst <= estimate(best_of(own)) + 1e-9
        assert worst <= estimate(adaptive(own)) + 1e-9


def test_too_few_other_people_and_lost_scores_have_their_reasons() -> None:
    values = {name: [1.0] * PHOTOS for name in STRENGTHS["p"]}
    world = run(likeness=values)
    lost = [line for line in world.cells if line["metric"] == LIKENESS and line["role"] == "protection"]
    for line in lost[:3]:
        line.update(status="failed", value=None, reason="x")
    found = best_of(strengths(world))
    assert found is not None
    assert found.interval is not None
    assert found.interval.photos == PHOTOS - 1
    for line in lost:
        line.update(status="failed", value=None, reason="x")
    assert best_of(strengths(world)).reason == "no photo has every score that the choice needs"  # type: ignore[union-attr]


def test_the_table_names_what_each_chooser_sees() -> None:
    values = {"none": [1.0] * PHOTOS, "jpeg(75)": [0.0] * PHOTOS, "blur(1)": [0.0] * PHOTOS}
    world = run(likeness=values)
    summary = summarise(world.header, world.cells, world.costs)
    table = next(table for table in tables(summary) if "chosen for each photo" in table.title)
    row = next(row for row in table.rows if row[0] == "p")
    assert row[2].startswith("0.00")
    assert row[3].startswith("0.60")
    plain = World(STRENGTHS, photos=PHOTOS)
    assert not any("chosen" in table.title for table in tables(summarise(plain.header, plain.cells, plain.costs)))
