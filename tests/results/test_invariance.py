"""What must not matter does not: the order of lines, shards, names; and what must be monotone is."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up_runs import World
from run_folders import write
from several_budgets import several_budgets

from antibench.compare import compare
from antibench.runfiles import read_run
from antibench.summary import summarise

STRENGTHS = {
    budget: {name: {"none": factor * 0.05 * budget, "jpeg(75)": factor * 0.03 * budget} for name, factor in of.items()}
    for budget, of in {4: {"a": 1, "b": 0.9}, 8: {"a": 1, "b": 1.3}, 16: {"a": 1, "b": 0.2}}.items()
}
slow = settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])


def run(seed: int, **options: Any) -> World:
    """Three budgets, two protections; every number of a summary has a value, and one score is lost."""
    world = several_budgets(STRENGTHS, photos=5, noise=0.08, **options)
    shift = random.Random(seed)
    for line in world.cells:
        if line["scope"] == "video":
            line["value"] += shift.gauss(0, 0.02)
    (lost,) = shift.sample([line for line in world.cells if line["protection"] == "b" and line["budget"] == 16], 1)
    lost.update(status="failed", value=None, reason="out of memory")
    return world


def summary_of(header: Any, cells: Iterable[Any], costs: Iterable[Any]) -> dict[str, Any]:
    summary = summarise(header, cells, costs)
    ranked = [row for row in summary["rows"] if row["ranks"]["worst_case"]]
    assert ranked
    assert any(curve["area"] is not None for curve in summary["curves"])
    return summary


@slow
@given(st.randoms(use_true_random=False), st.integers(0, 99))
def test_ranks_and_curves_do_not_depend_on_the_order_of_anything(shuffler: random.Random, seed: int) -> None:
    world = run(seed)
    expected = summary_of(world.header, world.cells, world.costs)
    header = {key: shuffler.sample(value, len(value)) if key in ("cases", "budgets", "seeds") else value
              for key, value in world.header.items()}  # fmt: skip
    found = summary_of(header, shuffler.sample(world.cells, len(world.cells)), world.costs[::-1])
    assert {**found, "budgets": None} == {**expected, "budgets": None}


@slow
@given(st.randoms(use_true_random=False), st.integers(1, 4))
def test_a_run_read_in_shards_is_the_run_read_whole(shuffler: random.Random, count: int) -> None:
    """Every shard's folder has the whole plan, so it tells of the other shards' scores that they are missing."""
    world, again = run(1), run(2)
    shards: list[list[Any]] = [[] for _ in range(count)]
    for line in world.cells:
        for shard in shuffler.sample(shards, shuffler.choice([1, 1, 1, count])):
            shard.append(line)
    with tempfile.TemporaryDirectory() as folder:
        whole = write(world, Path(folder) / "whole")
        expected = read_run(whole).summary()
        merged: list[Any] = []
        for index, shard in enumerate(shuffler.sample(shards, count)):
            part = write(world, Path(folder) / str(index))
            (part / "cells.jsonl").unlink()
            append(part, shard)
            merged += read_run(part).cells
    assert summary_of(world.header, merged, world.costs) == expected
    other = (again.header, again.cells)
    assert compare(world.header, merged, *other) == compare(world.header, world.cells, *other)
    assert compare(*other, world.header, merged) == compare(*other, world.header, world.cells)


def append(folder: Path, lines: list[Any]) -> None:
    (folder / "cells.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@slow
@given(st.integers(0, 99))
def test_names_do_not_matter_to_ranks(seed: int) -> None:
    world = run(seed)
    before = summary_of(world.header, world.cells, world.costs)
    other = {"a": "z", "b": "y"}
    for line in (*world.cells, *world.costs):
        line["protection"] = other.get(line["protection"], line["protection"])
    for item in world.header["protections"]:
        item["label"] = other.get(item["label"], item["label"])
    after = summary_of(world.header, world.cells, world.costs)
    for kind in ("ranks", "strength", "worst_case"):
        found = {(row["protection"], row["budget"], row["metric"]): row[kind] for row in after["rows"]}
        for row in before["rows"]:
            assert found[other.get(row["protection"], row["protection"]), row["budget"], row["metric"]] == row[kind]


@slow
@given(st.lists(st.floats(-0.2, 1.2), min_size=15, max_size=15))
def test_adding_a_purification_raises_neither_a_worst_case_nor_its_area(strengths: list[float]) -> None:
    grid = dict(zip(("none", "a(1)", "b(2)", "c(3)", "d(4)"), strengths[:5], strict=True))
    more = dict(zip(grid, strengths[5:10], strict=True))
    world = several_budgets({4: {"p": grid}, 16: {"p": more}}, photos=4, noise=0.1, seed=int(1e6 * abs(strengths[10])))
    before: list[float] = []
    for count in range(1, 6):
        header = {**world.header, "purifications": list(grid)[:count]}
        summary = summarise(header, world.cells, [])
        of = ("p", "ism0[dlib]")
        rows = [row for row in summary["rows"] if (row["protection"], row["metric"]) == of]
        (curve,) = [item for item in summary["curves"] if (item["protection"], item["metric"]) == of]
        now = [row["worst_case"] for row in sorted(rows, key=lambda row: row["budget"])] + [curve["worst_area"]]
        assert all(new <= old for new, old in zip(now, before or now, strict=True))
        before = now


@slow
@given(st.integers(0, 99))
def test_comparing_over_several_budgets(seed: int) -> None:
    """A run with itself changes by nothing at any budget; the other way round a change has the other sign."""
    one, two = run(seed), run(seed + 100)
    for change in compare(one.header, one.cells, one.header, one.cells).changes:
        assert change.interval is not None
        assert change.interval[:4] == (0.0, 0.0, 0.0, 0.0)
    there = compare(one.header, one.cells, two.header, two.cells).changes
    back = compare(two.header, two.cells, one.header, one.cells).changes
    assert len(there) == len(back) == 2 * 3 * 3
    assert [change.interval.estimate for change in there if change.interval] == pytest.approx(
        [-change.interval.estimate for change in back if change.interval]
    )
    assert any(change.interval and abs(change.interval.estimate) > 0.001 for change in there)
