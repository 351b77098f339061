"""Strength over the budget and the area under it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from made_up_runs import World
from scipy.integrate import trapezoid
from several_budgets import several_budgets

from antibench.curves import shares, under
from antibench.report.tables import tables
from antibench.stats import bootstrap, weighted
from antibench.strength import Effects, ratio, worst
from antibench.summary import summarise

RISING = {4: (0.2, 0.1), 8: (0.4, 0.1), 16: (0.6, 0.4)}
"""Strength without purification and under JPEG by budget."""


def rising(**options: Any) -> World:
    """One protection that rises with the budget, and one that does not."""
    strengths = {
        budget: {"rising": {"none": none, "jpeg(75)": jpeg}, "flat": {"none": 0.3, "jpeg(75)": 0.25}}
        for budget, (none, jpeg) in RISING.items()
    }
    return several_budgets(strengths, **options)


def curve_of(world: World, protection: str = "rising", metric: str = "ism0[dlib]") -> dict[str, Any]:
    summary = summarise(world.header, world.cells, world.costs)
    (found,) = [item for item in summary["curves"] if (item["protection"], item["metric"]) == (protection, metric)]
    return dict(found)


@pytest.mark.parametrize("budgets", [[4, 8, 16], [2, 4], [1, 2, 5, 6, 30]])
def test_the_area_is_scipys_trapezoid_over_the_range(budgets: list[int]) -> None:
    points = np.random.default_rng(len(budgets)).normal(size=len(budgets))
    expected = trapezoid(points, budgets) / (budgets[-1] - budgets[0])
    assert shares(budgets) @ points == pytest.approx(expected)
    assert shares(budgets).sum() == pytest.approx(1.0)


def test_areas_by_hand() -> None:
    # From 4 to 8 a mean of 0.3, from 8 to 16 of 0.5: (4 * 0.3 + 8 * 0.5) / 12. Worst cases are those under JPEG.
    curve = curve_of(rising(spread=0.0))
    assert curve["budgets"] == [4, 8, 16]
    assert curve["strengths"] == pytest.approx([0.2, 0.4, 0.6])
    assert curve["worst_cases"] == pytest.approx([0.1, 0.1, 0.4])
    assert curve["area"] == pytest.approx((4 * 0.3 + 8 * 0.5) / 12, abs=1e-6)
    assert curve["worst_area"] == pytest.approx((4 * 0.1 + 8 * 0.25) / 12, abs=1e-6)
    assert (curve["n"], curve["n_planned"], curve["complete"]) == (8, 8, True)
    assert curve_of(rising(spread=0.0), "flat")["area"] == pytest.approx(0.3, abs=1e-6)


def test_a_resample_draws_the_same_photos_at_every_budget() -> None:
    """A photo's deviation that one budget has and the other has not: together they do not vary."""
    rng = np.random.default_rng(2)
    off, span = rng.normal(0, 0.3, 20), rng.uniform(0.4, 0.8, 20)
    first, second = Effects((0.3 + off) * span, span), Effects((0.5 - off) * span, span)
    found = bootstrap(under([4, 8], lambda few: ratio(few[0]), [first, second]), 20)
    assert found.estimate == pytest.approx(0.4)
    assert found.error == pytest.approx(0.0, abs=1e-9)
    alone = bootstrap(ratio(first), 20)
    assert alone.error is not None
    assert alone.error > 0.03


def test_the_interval_of_an_area_is_that_of_the_photos_own_areas() -> None:
    """With equal spans an area is a mean over photos, whose interval is the familiar one."""
    rng = np.random.default_rng(3)
    points = rng.normal(0.4, 0.2, (3, 16))
    found = bootstrap(under([4, 8, 16], worst, [Effects(row, np.ones(16)) for row in points]), 16)
    own = trapezoid(points, [4, 8, 16], axis=0) / 12
    mean = bootstrap(lambda weights: weighted(weights, own), 16)
    assert found == pytest.approx(mean)


def test_controls_have_curves_and_what_has_no_budget_or_direction_has_none() -> None:
    summary = summarise(*(lambda world: (world.header, world.cells, world.costs))(rising(noise=0.02)))
    names = {(curve["protection"], curve["role"]) for curve in summary["curves"]}
    assert names == {
        ("rising", "protection"),
        ("flat", "protection"),
        ("random-sign", "control"),
        ("random-lowfreq", "control"),
    }
    assert {curve["metric"] for curve in summary["curves"]} == {"ism0[dlib]", "fdfr[mtcnn]"}


def test_one_budget_has_no_curve() -> None:
    world = World({"p": {"none": 0.5}})
    assert summarise(world.header, world.cells, world.costs)["curves"] == []


def test_a_photo_lost_at_one_budget_is_left_out_at_all_and_the_curve_is_incomplete() -> None:
    world = rising(noise=0.02)
    lost = {
        "protection": "rising",
        "budget": 16,
        "case": "portrait-0003",
        "metric": "ism0[dlib]",
        "purification": "none",
    }
    for line in world.cells:
        if all(line[key] == value for key, value in lost.items()):
            line.update(status="failed", value=None, reason="x")
    curve, without = curve_of(world), rising(noise=0.02)
    without.header["cases"] = [case for case in without.header["cases"] if case != "portrait-0003"]
    without.cells = [line for line in without.cells if line["case"] != "portrait-0003"]
    assert (curve["n"], curve["complete"]) == (7, False)
    for key in ("area", "area_low", "area_high", "worst_area", "worst_area_high"):
        assert curve[key] == curve_of(without)[key]
    summary = summarise(world.header, world.cells, world.costs)
    table = next(table for table in tables(summary) if "over the budget" in table.title)
    assert [row[0] for row in table.rows[:2]] == ["flat", "rising"]
    assert table.rows[1][-1] == "7/8 INCOMPLETE"


def test_a_budget_that_is_missing_or_blind_leaves_no_area_and_says_which() -> None:
    world = rising(noise=0.02)
    world.cells = [line for line in world.cells if (line["protection"], line["budget"]) != ("rising", 16)]
    curve = curve_of(world)
    assert curve["area"] is None
    assert curve["strengths"][2] is None
    assert curve["reasons"]["area"] == "at 16 levels: not scored under none"
    assert curve["complete"] is False
    blind = rising()
    for line in blind.cells:
        if line["metric"] == "ism0[dlib]" and line["purification"] == "none":
            line["value"] = 0.2
    assert "at 4 levels: ism0[dlib] cannot tell" in curve_of(blind)["reasons"]["area"]
    assert curve_of(blind)["worst_area"] == pytest.approx((4 * 0.1 + 8 * 0.25) / 12, abs=0.02)


def test_a_protection_shown_unpurified_only_has_an_area_and_no_worst_case_one() -> None:
    world = rising(noise=0.02)
    world.cells = [
        line
        for line in world.cells
        if not (line["protection"] == "rising" and line["scope"] == "video" and line["purification"] != "none")
    ]
    curve = curve_of(world)
    assert curve["area"] is not None
    assert curve["worst_area"] is None
    assert "does not show it under jpeg(75)" in curve["reasons"]["worst_area"]


def test_the_tables_hold_the_curves() -> None:
    world = rising(noise=0.02)
    summary = summarise(world.header, world.cells, world.costs)
    strength, worst_case = [table for table in tables(summary) if "over the budget" in table.title]
    assert (
        strength.title
        == "Strength without purification over the budget on zoo-small; area = its mean from 4 to 16 levels"
    )
    assert strength.columns == ["protection", "4", "8", "16", "area ↑", "photos"]
    curve = curve_of(world)
    assert strength.rows[0] == [
        "rising",
        *(f"{point:.2f}" for point in curve["strengths"]),
        f"{curve['area']:.2f} ± {curve['area_high'] - curve['area']:.2f}",
        "8",
    ]
    assert [row[0] for row in worst_case.rows][:2] == ["flat", "rising"]
    assert not any(
        "over the budget" in table.title for table in tables({k: v for k, v in summary.items() if k != "curves"})
    )
