"""Ranks: what the photos can tell apart, and who stands at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from made_up_runs import World
from scipy import stats as oracle
from several_budgets import several_budgets

from antibench.ranking import tie_groups
from antibench.report import FORMATS, render
from antibench.report.tables import tables
from antibench.stats import resample_weights, surely_above, weighted
from antibench.summary import summarise

THREE = {name: {"none": s, "jpeg(75)": s / 2} for name, s in (("best", 0.9), ("middle", 0.5), ("last", 0.1))}


def summary_of(world: World) -> dict[str, Any]:
    return summarise(world.header, world.cells, world.costs)


def ranks_of(world: World, by: str = "worst_case", metric: str = "ism0[dlib]") -> dict[str, tuple[Any, ...] | None]:
    """Protection -> (low, high, of, groups)."""
    rows = [row for row in summary_of(world)["rows"] if row["metric"] == metric]
    return {row["protection"]: None if row["ranks"][by] is None else tuple(row["ranks"][by].values()) for row in rows}


def apart(values: np.ndarray) -> np.ndarray:
    """`surely_above` of the means of (statistics, photos)."""
    photos = values.shape[1]
    return surely_above(values.mean(axis=1), weighted(resample_weights(photos), values).T, photos)


@pytest.mark.parametrize("by", ["worst_case", "strength"])
def test_clearly_different_protections_have_one_rank_each(by: str) -> None:
    found = ranks_of(World(THREE, gate="passed", noise=0.02), by)
    assert found == {
        "best": (1, 1, 3, [1]),
        "middle": (2, 2, 3, [2]),
        "last": (3, 3, 3, [3]),
        **dict.fromkeys(("clean-reseeded", "random-lowfreq", "random-sign")),
    }


def test_worst_cases_and_strengths_have_ranks_of_their_own() -> None:
    world = World({"fragile": {"none": 0.9, "jpeg(75)": 0.1}, "steady": {"none": 0.5, "jpeg(75)": 0.5}},
                  gate="passed", noise=0.02)  # fmt: skip
    assert ranks_of(world, "strength")["fragile"] == ranks_of(world, "worst_case")["steady"] == (1, 1, 2, [1])
    assert ranks_of(world, "strength")["steady"] == ranks_of(world, "worst_case")["fragile"] == (2, 2, 2, [2])


def test_protections_within_the_noise_share_their_ranks() -> None:
    close = {name: {"none": 0.5} for name in ("a", "b", "c")} | {"far": {"none": 0.0}}
    found = ranks_of(World(close, gate="passed", noise=0.1, seed=4))
    assert [found[name] for name in "abc"] == [(1, 3, 4, [1])] * 3
    assert found["far"] == (4, 4, 4, [2])


def test_equal_protections_are_tied_and_a_difference_without_any_noise_is_sure() -> None:
    world = World({"a": {"none": 0.5}, "b": {"none": 0.5}, "c": {"none": 0.4}}, gate="passed", spread=0.0)
    found = ranks_of(world)
    assert found["a"] == found["b"] == (1, 2, 3, [1])
    assert found["c"] == (3, 3, 3, [2])


def test_ranks_go_by_paired_differences_not_by_overlapping_intervals() -> None:
    """Photos that differ in how well they can be protected at all widen both intervals, and not the difference."""
    world = World({"a": {"none": 0.5}, "b": {"none": 0.42}}, photos=12, gate="passed", noise=0.005)
    hard = np.random.default_rng(1).normal(0, 0.2, 12)
    for line in world.cells:
        if line["protection"] in ("a", "b") and line["metric"] == "ism0[dlib]":
            line["value"] += hard[world.cases.index(line["case"])]
    rows = {row["protection"]: row for row in summary_of(world)["rows"] if row["metric"] == "ism0[dlib]"}
    assert rows["b"]["high"] > rows["a"]["strength"]
    assert (rows["a"]["ranks"]["strength"]["high"], rows["b"]["ranks"]["strength"]["low"]) == (1, 2)


def test_two_means_are_told_apart_as_by_scipys_paired_t_test() -> None:
    rng = np.random.default_rng(6)
    decided = 0
    for _ in range(60):
        values = rng.normal(0, 0.3, (2, 40)) + rng.normal(0, 1, 40)
        values[0] += 0.14
        p = oracle.ttest_rel(*values).pvalue
        if abs(p - 0.05) > 0.01:
            found = apart(values)
            assert (found[0, 1] or found[1, 0]) == (p < 0.05)
            decided += p < 0.05
    assert 10 < decided < 50


def test_several_means_are_told_apart_as_by_holm_over_t_tests() -> None:
    values = np.random.default_rng(7).normal(0, 1, (4, 50)) + np.array([[0.0], [0.35], [0.6], [1.4]])
    pairs = [(high, low) for high in range(4) for low in range(high)]
    p_values = np.array([oracle.ttest_rel(values[high], values[low]).pvalue for high, low in pairs])
    # Step down by hand: the smallest times six, the next times five, until one is too large.
    told = set()
    for step, index in enumerate(np.argsort(p_values)):
        if p_values[index] * (6 - step) > 0.05:
            break
        told.add(pairs[index])
    assert np.abs(np.sort(p_values) * np.arange(6, 0, -1) - 0.05).min() > 0.005
    assert set(map(tuple, np.argwhere(apart(values)).tolist())) == told
    assert 2 < len(told) < 6


@pytest.mark.parametrize("photos", [8, 24])
def test_equals_are_told_apart_in_at_most_one_run_of_twenty(photos: int) -> None:
    """Not one false statement among all 45 pairs; t-tests without a correction make one in most of the runs."""
    rng = np.random.default_rng(photos)
    runs = [rng.normal(0, 1, (10, photos)) + rng.normal(0, 1, photos) for _ in range(300)]
    assert np.mean([apart(values).any() for values in runs]) <= 0.08
    plain = [oracle.ttest_rel(values[:, None], values[None], axis=2).pvalue[np.triu_indices(10, 1)] for values in runs]
    assert np.mean([p_values.min() < 0.05 for p_values in plain]) > 0.5


def test_who_does_not_stand_has_no_rank_and_takes_none() -> None:
    world = World({**THREE, "lost": {"none": 1.0, "jpeg(75)": 0.9}, "grey": {"none": 1.0, "jpeg(75)": 1.0}},
                  gate="passed", noise=0.02)  # fmt: skip
    for line in world.cells:
        if line["protection"] == "grey":
            line["role"] = "degenerate"
        if (line["protection"], line["case"], line["purification"]) == ("lost", "portrait-0002", "jpeg(75)"):
            line.update(status="failed", value=None, reason="out of memory")
    for by in ("worst_case", "strength"):
        found = ranks_of(world, by)
        assert found["lost"] is found["grey"] is found["random-sign"] is None
        assert found["best"] == (1, 1, 3, [1])
    reasons = {row["protection"]: row["reasons"].get("ranks") for row in summary_of(world)["rows"]}
    assert reasons["lost"] == "photos are lost"
    assert reasons["grey"] == "it is a degenerate"
    assert reasons["random-sign"] == "it is a control"


@pytest.mark.parametrize("gate", ["failed", "unmeasured"])
def test_a_target_that_did_not_pass_its_gate_ranks_nothing(gate: str) -> None:
    world = World(THREE, gate=gate, noise=0.02)
    assert set(ranks_of(world).values()) == {None}
    assert not any("Ranks" in table.title for table in tables(summary_of(world)))


@pytest.mark.parametrize("photos", [1, 2])
def test_few_photos_rank_nothing_or_everything_alike(photos: int) -> None:
    found = ranks_of(World(THREE, photos=photos, gate="passed", noise=0.02))
    assert found["best"] == found["last"] == (None if photos == 1 else (1, 3, 3, [1]))


def test_one_alone_has_no_rank() -> None:
    world = World({"alone": {"none": 0.5}}, gate="passed")
    assert ranks_of(world)["alone"] is None
    assert not any("Ranks" in table.title for table in tables(summary_of(world)))


def test_budgets_and_what_was_made_elsewhere_are_ranked_apart() -> None:
    world = several_budgets({4: {"a": {"none": 0.1}, "b": {"none": 0.5}}, 8: {"a": {"none": 0.9}, "b": {"none": 0.6}}})
    rows = [row for row in summary_of(world)["rows"] if row["ranks"]["strength"] and row["metric"] == "ism0[dlib]"]
    places = {(row["protection"], row["budget"]): row["ranks"]["strength"]["low"] for row in rows}
    assert places == {("b", 4): 1, ("a", 4): 2, ("a", 8): 1, ("b", 8): 2}
    assert {row["ranks"]["strength"]["of"] for row in rows} == {2}
    mixed = World({"a": {"none": 0.9}, "b": {"none": 0.8}, "c": {"none": 0.3}, "d": {"none": 0.2}}, gate="passed")
    for line in mixed.cells:
        if line["protection"] in ("a", "b") and line["surrogate"]:
            line["surrogate"] = "another"
    found = ranks_of(mixed, "strength")
    assert [found[name] for name in "abcd"] == [(1, 1, 2, [1]), (2, 2, 2, [2])] * 2
    for line in mixed.cells:
        if line["protection"] == "b" and line["surrogate"]:
            line["surrogate"] = "a third"
    assert ranks_of(mixed, "strength")["a"] is ranks_of(mixed, "strength")["b"] is None


def test_shown_unpurified_only_is_ranked_by_strength_alone() -> None:
    world = World(THREE, gate="passed", noise=0.02)
    world.cells = [
        line
        for line in world.cells
        if not (line["protection"] == "best" and line["scope"] == "video" and line["purification"] != "none")
    ]
    assert ranks_of(world)["best"] is None
    assert ranks_of(world)["middle"] == (1, 1, 2, [1])
    assert ranks_of(world, "strength")["best"] == (1, 1, 3, [1])


def test_tie_groups_by_hand() -> None:
    # a is above c; b cannot be told from either.
    above = np.zeros((3, 3), dtype=bool)
    above[0, 2] = True
    assert tie_groups(above, np.array([0.9, 0.5, 0.1])) == [{0, 1}, {1, 2}]
    assert tie_groups(np.zeros((2, 2), dtype=bool), np.array([0.1, 0.2])) == [{0, 1}]


@settings(max_examples=150)
@given(arrays(np.bool_, (7, 7)), st.permutations(range(7)))
def test_rows_share_a_group_exactly_if_they_cannot_be_told_apart(told: np.ndarray, order: list[int]) -> None:
    estimates = np.array(order, dtype=float)
    above = told & (estimates[:, None] > estimates)
    groups = tie_groups(above, estimates)
    for one in range(7):
        for other in range(7):
            together = any({one, other} <= group for group in groups)
            assert together == (not above[one, other] and not above[other, one])
    assert not any(one < other for one in groups for other in groups)
    best = [max(estimates[row] for row in group) for group in groups]
    assert best == sorted(best, reverse=True)


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_shows_a_run_with_ranks(format_: str) -> None:
    text = render(summary_of(World(THREE, gate="passed", noise=0.02)), format_)
    assert ("Ranks on zoo-small" in text) == (format_ not in ("json", "csv"))


def test_the_table_of_ranks() -> None:
    close = {
        "a": {"none": 0.55, "jpeg(75)": 0.3},
        "b": {"none": 0.5, "jpeg(75)": 0.3},
        "c": {"none": 0.0, "jpeg(75)": 0.0},
    }
    summary = summary_of(World(close, gate="passed", noise=0.05))
    (table,) = [table for table in tables(summary) if "Ranks" in table.title]
    assert {row[0]: (row[3], row[4], row[6], row[7]) for row in table.rows} == {
        "a": ("1-2", "a", "1-2", "a"),
        "b": ("1-2", "a", "1-2", "a"),
        "c": ("3", "b", "3", "b"),
    }
    older = {**summary, "rows": [{key: row[key] for key in row if key != "ranks"} for row in summary["rows"]]}
    assert not any("Ranks" in table.title for table in tables(older))
