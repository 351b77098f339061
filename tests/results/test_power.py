"""Sample sizes, against published tables, scipy's tests on simulated photos, and the runs they are reckoned from."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_runs import World
from scipy import stats as oracle
from test_results_cli import antibench, write

from antibench.errors import NothingComparedError, UserError
from antibench.power import MOST, Design, pilots
from antibench.scores import Group, Scores
from antibench.stats import sign_flip_p, smallest_detectable
from antibench.strength import Strengths

TWO = {"strong": {"none": 0.6, "jpeg(75)": 0.4}, "weak": {"none": 0.5, "jpeg(75)": 0.1}}


@pytest.mark.parametrize(
    ("effect", "power", "alpha", "photos"),
    # Paired t-test, two-sided: Cohen (1988) and G*Power 3.1.
    [(0.2, 0.8, 0.05, 199), (0.5, 0.8, 0.05, 34), (0.8, 0.8, 0.05, 15), (0.5, 0.95, 0.05, 54), (0.5, 0.8, 0.01, 51)],
)
def test_numbers_of_photos_are_those_of_the_tables(effect: float, power: float, alpha: float, photos: int) -> None:
    assert Design(power, alpha).photos_for(effect, 1.0) == photos
    assert Design(power, alpha).photos_for(effect / 4, 0.25) == photos


@pytest.mark.parametrize(("effect", "rows"), [(0.2, 1), (0.3, 5), (0.15, 20)])
def test_so_many_photos_show_it_four_times_in_five(effect: float, rows: int) -> None:
    """scipy's t-test of simulated photos, at the level that Holm asks of the first row."""
    design = Design(rows=rows)
    photos = design.photos_for(effect, 0.3)
    p_values = oracle.ttest_1samp(np.random.default_rng(rows).normal(effect, 0.3, (4000, photos)), 0, axis=1).pvalue
    shown = np.mean(p_values * rows < 0.05)
    assert shown > 0.78
    assert shown == pytest.approx(design.power_of(effect, 0.3, photos), abs=0.02)
    assert design.power_of(effect, 0.3, photos - 1) < 0.8


def test_holm_over_rows_finds_each_of_several_equal_effects_at_least_as_often_as_asked() -> None:
    photos = Design(rows=4).photos_for(0.2, 0.3)
    samples = np.random.default_rng(2).normal(0.2, 0.3, (2000, 4, photos))
    p_values = np.sort(oracle.ttest_1samp(samples, 0, axis=2).pvalue, axis=1)
    # Holm shows the rows before the first that misses its level.
    shown = np.cumprod(p_values <= 0.05 / np.arange(4, 0, -1), axis=1).sum(axis=1)
    assert np.mean(shown) / 4 >= 0.79


@settings(max_examples=60)
@given(st.integers(10, 400), st.floats(0.01, 2), st.sampled_from([0.5, 0.8, 0.95]), st.integers(1, 20))
def test_the_two_questions_are_each_others_inverse(photos: int, deviation: float, power: float, rows: int) -> None:
    design = Design(power, rows=rows)
    if photos < design.fewest:
        return
    effect = design.effect_for(photos, deviation)
    assert design.photos_for(effect * 1.000001, deviation) == photos
    assert design.photos_for(effect * 0.999, deviation) in (photos, photos + 1)


@pytest.mark.parametrize("photos", [8, 24, 66])
def test_the_smallest_detectable_effect_of_a_summary_is_near(photos: int) -> None:
    assert smallest_detectable(0.1, photos) == pytest.approx(
        Design().effect_for(photos, 0.1 * math.sqrt(photos)), rel=0.02
    )


@pytest.mark.parametrize(("rows", "fewest"), [(1, 6), (10, 9), (1000, 16)])
def test_no_answer_is_below_what_a_sign_flip_test_can_say(rows: int, fewest: int) -> None:
    design = Design(rows=rows)
    assert design.photos_for(100.0, 0.001) == design.photos_for(0.1, 0.0) == fewest
    if fewest <= 14:
        assert sign_flip_p(np.ones(fewest)) * rows <= 0.05 < sign_flip_p(np.ones(fewest - 1)) * rows
    with pytest.raises(UserError, match=f"at least {fewest} photos are needed"):
        design.effect_for(fewest - 1, 0.3)


def test_too_small_an_effect_is_refused_and_not_searched_for_ever() -> None:
    with pytest.raises(UserError, match=f"more than {MOST:,} photos"):
        Design().photos_for(1e-6, 1.0)
    with pytest.raises(UserError, match="0 < alpha < power < 1"):
        Design(power=0.04)


def found_in(world: World, **options: Any) -> dict[str, Any]:
    scores = Scores(world.header, world.cells)
    found = pilots(scores, "ism0[dlib]", **options)
    return {item.labels["protection"]: item for item in found}


def test_the_deviation_is_that_of_the_photos_strengths() -> None:
    """With one span for all, a strength is a mean of the photos' own."""
    world = World(TWO, photos=40, noise=0.06, spread=0.0)
    for line in world.cells:
        if line["protection"] in ("clean", "unrelated") and line["metric"] == "ism0[dlib]":
            line["value"] = 0.8 if line["protection"] == "clean" else 0.2
    found = found_in(world, over="none")
    values = {name: Scores(world.header, world.cells).per_photo(place_of(name, world)) / 0.6 for name in TWO}
    for name in TWO:
        assert found[name].deviation == pytest.approx(np.std(values[name], ddof=1), rel=0.05)
        assert found[name].photos == 40
    (difference,) = found_in(world, over="none", against="weak").values()
    assert difference.deviation == pytest.approx(np.std(values["strong"] - values["weak"], ddof=1), rel=0.05)
    assert difference.estimate == pytest.approx(-np.mean(values["strong"] - values["weak"]), abs=1e-6)


def place_of(name: str, world: World) -> Any:
    scores = Scores(world.header, world.cells)
    return Strengths(scores, "ism0[dlib]", Group(name, "zoo-small", "zoo-small", 8)).place("none")


def test_the_interval_of_a_deviation_holds_the_true_one_nineteen_times_in_twenty() -> None:
    held = 0
    for seed in range(100):
        world = World({"p": {"none": 0.5}}, photos=12, noise=0.06, spread=0.0, seed=seed)
        # Movement is clean - protected, each with the noise 0.06, over a span of 0.6.
        deviations = found_in(world, over="none")["p"].deviations
        assert deviations is not None
        held += deviations[0] <= 0.1 * math.sqrt(2) <= deviations[1]
    assert held >= 88


def test_a_pilot_tells_the_photos_that_a_run_needs() -> None:
    """Runs of so many photos show the effect as often as was asked: their interval lies above 0."""
    pilot = found_in(World({"p": {"none": 0.1}}, photos=200, noise=0.06, seed=1), over="none")["p"]
    photos = Design().photos_for(0.1, pilot.deviation)
    shown = 0
    for seed in range(200):
        world = World({"p": {"none": 0.1}}, photos=photos, noise=0.06, seed=100 + seed)
        interval = Strengths(Scores(world.header, world.cells), "ism0[dlib]", group()).strength("none").interval
        assert interval is not None
        assert interval.low is not None
        shown += interval.low > 0
    assert shown / 200 == pytest.approx(0.8, abs=0.09)


def group() -> Group:
    return Group("p", "zoo-small", "zoo-small", 8)


def test_worst_case_and_controls_can_be_asked_about() -> None:
    world = World(TWO, photos=20, noise=0.05)
    strengths = Strengths(Scores(world.header, world.cells), "ism0[dlib]", Group("strong", "zoo-small", "zoo-small", 8))
    interval = strengths.worst_case().interval
    assert interval is not None
    assert interval.error is not None
    found = found_in(world)
    assert found["strong"].deviation == pytest.approx(interval.error * math.sqrt(20))
    assert set(found) == {"strong", "weak"}
    assert set(found_in(world, protections=("random-sign",))) == {"random-sign"}
    for control in ("random-sign", "clean-reseeded"):
        assert found_in(world, against=control)["strong"].estimate == pytest.approx(0.4, abs=0.15)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"over": "jpg(75)"}, r"no purification 'jpg\(75\)'; did you mean 'jpeg\(75\)'"),
        ({"protections": ("strng",)}, "no protection 'strng'; did you mean 'strong'"),
        ({"against": "nobody"}, "no protection 'nobody'"),
        ({"target": "svd"}, "no target 'svd'"),
        ({"budget": 4}, "no budget 4"),
    ],
)
def test_what_the_run_does_not_have_is_told_with_what_it_has(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        found_in(World(TWO), **options)


def test_a_run_of_one_photo_or_without_a_strength_is_nothing_to_reckon_with() -> None:
    with pytest.raises(NothingComparedError, match="one photo"):
        found_in(World(TWO, photos=1))
    with pytest.raises(NothingComparedError, match="has no direction"):
        pilots(Scores(World(TWO).header, World(TWO).cells), "motion")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write(World(TWO, photos=16, noise=0.05), tmp_path / "run")


def test_the_command_tells_photos(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert antibench("power", run, "--effect", "0.1", "--over", "none") == 0
    text = capsys.readouterr().out
    assert antibench("power", run, "--effect", "0.1", "--over", "none", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    by_name = {row["protection"]: row for row in found["rows"]}
    assert set(by_name) == {"strong", "weak"}
    most = max(by_name.values(), key=lambda row: row["photos"])
    assert found["answer"] == text.splitlines()[0]
    assert text.startswith(
        f"A strength of 0.1 needs {most['photos']} photos ({most['protection']} on zoo-small at 8 levels"
    )
    for row in by_name.values():
        assert row["photos"] == Design().photos_for(0.1, row["deviation"])
        assert row["photos_low"] <= row["photos"] <= row["photos_high"]
        assert f"{row['photos']} [{row['photos_low']}, {row['photos_high']}]" in text


def test_the_command_tells_effects(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--against", "random-sign", "--rows", "2", "--json")
    assert antibench("power", run, "--photos", "40", *options) == 0
    found = json.loads(capsys.readouterr().out)
    for row in found["rows"]:
        assert row["effect"] == pytest.approx(Design(rows=2).effect_for(40, row["deviation"]))
        assert row["effect_low"] < row["effect"] < row["effect_high"]
    assert "40 photos show a difference from random-sign of 0." in found["answer"]
    assert "with Holm over 2 rows" in found["answer"]
    assert antibench("power", run, *options) == 0
    assert json.loads(capsys.readouterr().out)["asked"]["photos"] == 16


def test_the_command_without_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert antibench("power", "--sd", "0.2", "--effect", "0.1") == 0
    assert (
        capsys.readouterr().out
        == "A strength of 0.1 needs 34 photos (deviation 0.200; power 0.8, two-sided alpha 0.05)\n"
    )
    assert antibench("power", "--sd", "0.2", "--photos", "34", "--json") == 0
    assert 0.098 < json.loads(capsys.readouterr().out)["rows"][0]["effect"] <= 0.1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 4, "give the folder of a run, or a standard deviation"),
        (("--sd", "0.3"), 4, "give --effect"),
        (("--sd", "0.3", "--effect", "0.1", "--photos", "9"), 4, "give one of them"),
        (("--sd", "0.3", "--effect", "0.1", "-p", "advdm"), 4, "--protection asks something of a run"),
        (("--sd", "0.3", "--effect", "0.1", "--over", "none"), 4, "--over asks something of a run"),
        (("--sd", "0.3", "--effect", "-1"), 4, "--effect"),
        (("--sd", "0.3", "--photos", "4"), 4, "at least 6 photos"),
        (("--sd", "0.3", "--effect", "0.1", "--power", "0.01"), 4, "alpha < power"),
        (("nowhere", "--effect", "0.1"), 4, "no such folder"),
    ],
)
def test_errors_are_one_line_with_a_code(
    arguments: tuple[str, ...], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert antibench("power", *arguments) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert message in printed.err


def test_a_run_that_says_nothing_exits_5(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lone = write(World(TWO, photos=1), tmp_path / "lone")
    assert antibench("power", lone, "--effect", "0.1") == 5
    assert "nothing to reckon with" in capsys.readouterr().err
    assert antibench("power", lone, "--sd", "0.3", "--effect", "0.1") == 4


def test_the_table_of_the_documentation_is_what_the_command_says() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/statistics.md").read_text()
    table = page[page.index("| deviation | photos for 0.05 |") :].split("\n\n")[0]
    head, _, *lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    effects = [float(cell.removeprefix("photos for ")) for cell in head[1:]]
    assert len(lines) == 3
    for deviation, *photos in lines:
        assert [int(cell) for cell in photos] == [Design().photos_for(x, float(deviation)) for x in effects]
