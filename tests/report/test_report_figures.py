"""The figures draw the run's own numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_reports import GRID, TWO, reported_world, with_transfer
from made_up_runs import CLEAN, FLOOR, World
from several_budgets import several_budgets

from antibench.report.html.figures import Absent, Figure, figures
from antibench.report.html.leaderboard import leaderboard
from antibench.report.html.reading import Reported


def drawn(run: Reported) -> dict[str, Figure]:
    return {item.id: item for item in figures(run, leaderboard(run))[0]}


def absent(run: Reported) -> dict[str, str]:
    return {item.title: item.reason for item in figures(run, leaderboard(run))[1]}


def values(figure: Figure) -> list[dict[str, Any]]:
    """What a specification draws, without the line at zero."""
    (found,) = figure.spec["datasets"].values()
    return list(found)


def test_each_photo_goes_from_its_clean_score_to_its_protected_one(tmp_path: Path) -> None:
    run = reported_world(tmp_path / "run", World(TWO, photos=3))
    lines = [item for item in values(drawn(run)["figure-paired"]) if item["panel"] == "strong, zoo-small"]
    by_photo = {
        (line["case"], line["protection"]): line["value"]
        for line in run.run.cells
        if line["metric"] == "ism0[dlib]" and line["purification"] == "none"
    }
    expected = {
        (case, side): pytest.approx(by_photo[case, {"clean": "clean", "protected": "strong"}[side]])
        for case in run.scores.cases
        for side in ("clean", "protected")
    }
    assert {(item["photo"], item["side"]): item["score"] for item in lines} == expected
    fall = [item["score"] for item in lines if item["photo"] == "portrait-0000"]
    assert fall[0] - fall[1] == pytest.approx(GRID["none"] * (CLEAN - FLOOR))


def test_strength_over_the_strength_of_the_purification(tmp_path: Path) -> None:
    figure = drawn(reported_world(tmp_path / "run", World(TWO, spread=0.0, photo_damage=0.2)))["figure-purifications"]
    points = [
        (item["name"], item["strength of the purification"], pytest.approx(item["strength"], abs=1e-6))
        for item in values(figure)
        if item["name"] in TWO
    ]
    assert points == [("strong", 50, 0.2), ("strong", 90, 0.5), ("weak", 50, 0.1), ("weak", 90, 0.25)]


def test_one_strength_of_a_purification_is_no_curve(tmp_path: Path) -> None:
    run = reported_world(tmp_path / "run", World({"p": {"none": 0.5, "jpeg(75)": 0.2, "blur(1)": 0.1}}))
    assert "figure-purifications" not in drawn(run)
    title = "Strength against the strength of the purification"
    assert absent(run)[title] == "no purification of this run has two strengths"


def test_strength_over_the_budget(tmp_path: Path) -> None:
    world = several_budgets(
        {4: {"p": {"none": 0.2, "jpeg(75)": 0.1}}, 8: {"p": {"none": 0.6, "jpeg(75)": 0.4}}}, spread=0.0
    )
    found = drawn(reported_world(tmp_path / "run", world))
    for name, expected in (("worst-cases", {4: 0.1, 8: 0.4}), ("strengths", {4: 0.2, 8: 0.6})):
        points = [item for item in values(found[f"figure-budget-{name}"]) if item["name"] == "p"]
        assert {item["levels"]: item["strength"] for item in points} == pytest.approx(expected, abs=1e-6)


def test_transfer_has_a_square_for_what_was_made_and_what_it_was_shown_to(tmp_path: Path) -> None:
    run = reported_world(tmp_path / "run", with_transfer(noise=0.15))
    squares = {(item["made"], item["target"]): item for item in values(drawn(run)["figure-transfer"])}
    unsure = 0
    for row in run.rows:
        if row["surrogate"]:
            square = squares.pop((f"{row['protection']} on zoo-small", row["target"]))
            assert square["strength"] == row["strength"]
            assert square["text"].startswith("▪ ") == (not row["transfer"])
            beyond = row["low"] > row["noise"]["high"]
            unsure += row["low"] <= row["noise"]["high"] < row["strength"]
            assert square["text"].endswith("*") == beyond
    assert not squares
    assert unsure  # a strength above the noise is not beyond it if its interval is not
    assert drawn(run)["figure-transfer"].caption.startswith("Strength by ism0[dlib] without purification")


def test_the_front_is_what_no_cheaper_one_outdoes(tmp_path: Path) -> None:
    world = World({"a": {"none": 0.2}, "b": {"none": 0.5}, "c": {"none": 0.4}}, noise=0.01)
    for line in world.costs:
        line["seconds"] = {"a": 1.0, "b": 5.0, "c": 9.0}[line["protection"]]
    figure = drawn(reported_world(tmp_path / "run", world))["figure-front"]
    assert {item["name"]: (item["seconds"], item["place"]) for item in values(figure)} == {
        "a": (1.0, "on the front"),
        "b": (5.0, "on the front"),
        "c": (9.0, "outdone"),
    }
    assert figure.caption.endswith("as strong for less: a, b.")
    assert ["c", "zoo-small", "9.00", "outdone by b"] in [[row[0], row[1], row[2], row[4]] for row in figure.table.rows]


def test_intervals_and_noise_are_those_of_the_rows(tmp_path: Path) -> None:
    run = reported_world(tmp_path / "run", World(TWO, noise=0.03))
    found = {item["name"]: item for item in values(drawn(run)["figure-intervals-zoo-small"])}
    for row in run.rows:
        if row["role"] == "protection":
            item = found[row["protection"]]
            assert (item["worst"], item["low"], item["high"]) == (
                row["worst_case"],
                row["worst_low"],
                row["worst_high"],
            )
            assert item["strength"] == row["strength"]
            for key in ("low", "high", "worst_low", "worst_high"):
                of, _, end = key.rpartition("_")
                assert item[f"{of}_noise_{end}".lstrip("_")] == row["noise"][key]
    assert set(found) == {*TWO, "random-sign (control)", "random-lowfreq (control)"}


def test_many_protections_share_a_colour_beyond_the_first(tmp_path: Path) -> None:
    many = {f"p{index:02d}": {"none": 0.9 - index / 20, "j(1)": 0.5 - index / 40, "j(2)": 0.1} for index in range(11)}
    figure = drawn(reported_world(tmp_path / "run", World(many, photos=3)))["figure-purifications"]
    shown = {item["name"]: item["shown"] for item in values(figure)}
    assert sum(name == legend for name, legend in shown.items()) == 8
    assert {legend for name, legend in shown.items() if name != legend} == {"6 others"}
    assert figure.spec["spec"]["encoding"]["color"]["scale"]["domain"][-1] == "6 others"


@pytest.mark.parametrize("kind", ["one photo", "nothing ran", "controls only", "no cost", "transfer"])
def test_no_axis_is_without_a_number(kind: str, tmp_path: Path) -> None:
    """Vega warns, in the page's console, of an axis or colour whose field is null in every value."""
    world = with_transfer() if kind == "transfer" else World(TWO, photos=1 if kind == "one photo" else 4)
    if kind == "nothing ran":
        for line in world.cells:
            line.update(status="failed", value=None, reason="it broke")
    if kind == "controls only":
        world.cells = [line for line in world.cells if line["role"] != "protection"]
    if kind == "no cost":
        world.costs = []
    run = reported_world(tmp_path / "run", world)
    found, left_out = figures(run, leaderboard(run))
    for item in found:
        held = [value for values in item.spec["datasets"].values() for value in values]
        for field in fields(item.spec):
            assert any(value.get(field) is not None for value in held), (item.id, field)
    assert all(isinstance(item, Absent) and item.reason for item in left_out)
    assert len(found) + len(left_out) >= 6


def fields(spec: Any) -> set[str]:
    """The fields that the encodings of a specification read, those of tooltips aside."""
    if isinstance(spec, dict):
        own = {spec["field"]} if isinstance(spec.get("field"), str) else set()
        return own | {name for key, item in spec.items() if key not in ("tooltip", "datasets") for name in fields(item)}
    return {name for item in spec for name in fields(item)} if isinstance(spec, list) else set()
