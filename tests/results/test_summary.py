from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up_runs import CONTROLS, World

from antibench.errors import UserError
from antibench.rows import NO_NOISE
from antibench.scores import Group, Scores
from antibench.stats import smallest_detectable
from antibench.strength import Strengths
from antibench.summary import summarise

TWO = {"strong": {"none": 0.6, "jpeg(75)": 0.4}, "weak": {"none": 0.5, "jpeg(75)": 0.1}}


def summary_of(world: World) -> dict[str, Any]:
    return summarise(world.header, world.cells, world.costs)


def row_of(summary: dict[str, Any], protection: str, metric: str = "ism0[dlib]") -> dict[str, Any]:
    (row,) = [row for row in summary["rows"] if (row["protection"], row["metric"]) == (protection, metric)]
    return row


def edit(world: World, **wanted: Any) -> list[dict[str, Any]]:
    """The lines whose fields have these values."""
    return [line for line in world.cells if all(line[key] == value for key, value in wanted.items())]


def test_without_noise_the_true_strengths_come_out() -> None:
    world = World(TWO)
    scale = 0.6 / np.mean([line["value"] - 0.2 for line in edit(world, metric="ism0[dlib]", purification="none")
                           if line["role"] == "reference"])  # fmt: skip
    row = row_of(summary_of(world), "strong")
    assert row["strength"] == pytest.approx(0.6 * scale, abs=1e-6)
    assert row["worst_case"] == pytest.approx(0.4 * scale, abs=1e-6)
    assert row["retained"] == pytest.approx(0.4 / 0.6, abs=1e-6)
    assert row["low"] < row["strength"] < row["high"]
    assert row["complete"] is True
    assert (row["n"], row["n_planned"]) == (8, 8)


def by_hand() -> World:
    """Three photos; D is 0.5 without purification and 0.4 under jpeg."""
    world = World({"p": {"none": 0.0, "jpeg(75)": 0.0}}, photos=3, spread=0.0)
    values = {
        ("clean", "none"): (0.8, 0.7, 0.9),
        ("clean", "jpeg(75)"): (0.6, 0.5, 0.7),
        ("unrelated", "none"): (0.3, 0.2, 0.4),
        ("unrelated", "jpeg(75)"): (0.2, 0.2, 0.2),
        ("p", "none"): (0.3, 0.7, 0.5),
        ("p", "jpeg(75)"): (0.5, 0.3, 0.7),
    }
    for (label, purification), numbers in values.items():
        for line in edit(world, protection=label, purification=purification, metric="ism0[dlib]"):
            line["value"] = numbers[int(line["case"][-1])]
    return world


def test_strength_and_worst_case_by_hand() -> None:
    # none: (0.5, 0, 0.4) / 0.5 = (1, 0, 0.8); jpeg: (0.1, 0.2, 0) / 0.4 = (0.25, 0.5, 0); weakest: (0.25, 0, 0).
    row = row_of(summary_of(by_hand()), "p")
    assert row["strength"] == pytest.approx(0.6)
    assert row["purifications"][1]["strength"] == pytest.approx(0.25)
    assert row["worst_case"] == pytest.approx(0.25 / 3, abs=1e-6)
    assert row["worst_over"] == ["none", "jpeg(75)"]
    assert row["means"] == {"protected": pytest.approx(0.5), "clean": pytest.approx(0.8), "floor": pytest.approx(0.3)}


def test_means_are_over_the_photos_that_have_both_scores() -> None:
    world = by_hand()
    lost = {"status": "failed", "value": None, "reason": "x"}
    edit(world, protection="clean", purification="none", metric="ism0[dlib]", case="portrait-0002")[0].update(lost)
    edit(world, protection="p", purification="none", metric="ism0[dlib]", case="portrait-0001")[0].update(lost)
    assert row_of(summary_of(world), "p")["means"] == {"protected": 0.3, "clean": 0.8, "floor": pytest.approx(0.3)}


def test_retained_is_the_mean_over_all_other_purifications() -> None:
    world = World({"p": {"none": 0.8, "jpeg(75)": 0.6, "jpeg(30)": 0.4, "resize(0.5)": 0.2}}, spread=0.0)
    assert row_of(summary_of(world), "p")["retained"] == pytest.approx(0.4 / 0.8)


def test_seeds_are_averaged_within_a_photo_and_do_not_count_as_photos() -> None:
    one, two = World(TWO, noise=0.1), World(TWO, noise=0.1, seeds=(0, 1))
    for line in two.cells:
        twin = {**line, "seed": 0}
        if line["seed"] == 1:
            match = edit(two, **{key: twin[key] for key in ("protection", "purification", "metric", "case", "seed")})
            line["value"] = match[0]["value"]
    # The second seed repeats the first: neither estimate nor interval may change.
    for line in one.cells:
        if line["scope"] == "video":
            keys = ("protection", "purification", "metric", "case", "seed")
            line["value"] = edit(two, **{key: line[key] for key in keys})[0]["value"]
    assert summary_of(one)["rows"] == summary_of(two)["rows"]


def test_a_metric_that_protects_when_higher_gives_the_same_strength() -> None:
    summary = summary_of(World(TWO, noise=0.05))
    mirrored = row_of(summary, "strong", "fdfr[mtcnn]")
    for key in ("strength", "low", "high", "worst_case", "worst_low", "worst_high"):
        assert mirrored[key] == pytest.approx(row_of(summary, "strong")[key], abs=2e-6)


def test_a_metric_without_direction_has_means_and_no_strength() -> None:
    row = row_of(summary_of(World(TWO)), "strong", "motion")
    assert row["strength"] is row["worst_case"] is row["excess"] is None
    assert "no direction" in row["reasons"]["strength"]
    assert row["means"]["protected"] == pytest.approx(0.1)


def test_excess_subtracts_the_damage_to_the_photo_in_its_own_units() -> None:
    world = World(TWO, photo_damage=0.25)
    row = row_of(summary_of(world), "strong")
    # The photo metric runs from 1 (clean) to 0.1 (stranger), and a quarter of that is lost.
    assert row["excess"] == pytest.approx(row["strength"] - 0.25, abs=1e-6)
    assert row["photo"]["protected"] == pytest.approx(1 - 0.9 * 0.25)
    assert row["excess_low"] == pytest.approx(row["low"] - 0.25, abs=1e-6)


def test_a_protection_that_only_damages_the_photo_is_said_to() -> None:
    summary = summary_of(World({"cast": {"none": 0.6}}, photo_damage=0.8, noise=0.05))
    assert row_of(summary, "cast")["excess_high"] < 0
    assert "no more than the damage to the photo itself" in summary["answer"]


def test_the_smallest_detectable_effect_is_the_controls() -> None:
    world = World(TWO, noise=0.02)
    for line in edit(world, protection="strong", metric="ism0[dlib]"):
        line["value"] += 0.2 * (int(line["case"][-1]) % 2)
    summary = summary_of(world)
    errors = [row_of(summary, name)["error"] for name in CONTROLS]
    assert summary["smallest_detectable"] == pytest.approx(smallest_detectable(max(errors), 8), abs=1e-5)


def test_retained_is_null_for_what_is_not_beyond_the_noise() -> None:
    row = row_of(summary_of(World({"nothing": {"none": 0.0, "jpeg(75)": 0.0}}, noise=0.05)), "nothing")
    assert row["retained"] is None
    assert "not beyond the noise" in row["reasons"]["retained"]


@pytest.mark.parametrize("label", ["random-sign", "strong", "clean", "unrelated"])
def test_a_group_that_failed_wholly_under_one_purification_still_has_its_other_numbers(label: str) -> None:
    world = World(TWO, noise=0.05)
    for line in edit(world, protection=label, purification="jpeg(75)"):
        line.update(status="failed", value=None, reason="out of memory")
    summary = summary_of(world)
    row = row_of(summary, "strong")
    assert row["strength"] is not None
    assert row["purifications"][1]["strength"] is None or label == "random-sign"
    assert summary["smallest_detectable"] > 0
    json.dumps(summary, allow_nan=False)


@pytest.mark.parametrize("status", ["failed", "skipped", "over-budget", "missing"])
def test_a_group_with_a_lost_photo_is_incomplete_and_not_elected(status: str) -> None:
    world = World(TWO, noise=0.02)
    line = edit(world, protection="strong", case="portrait-0003", purification="jpeg(75)", metric="ism0[dlib]")[0]
    line.update(status=status, value=None, reason="the model returned NaN")
    summary = summary_of(world)
    row = row_of(summary, "strong")
    assert (row["n"], row["n_planned"], row["complete"]) == (7, 8, False)
    assert row["reasons"]["n"] == "the model returned NaN"
    assert summary["cells"][status.replace("-", "_")] == 1
    assert summary["answer"].startswith("Strongest protection: weak ")
    assert [row["protection"] for row in summary["rows"][:2]] == ["weak", "strong"]


def test_one_lost_seed_loses_the_photo() -> None:
    world = World(TWO, seeds=(0, 1))
    edit(world, protection="strong", purification="none", metric="ism0[dlib]", seed=1)[0].update(
        status="failed", value=None, reason="x"
    )
    assert row_of(summary_of(world), "strong")["n"] == 7


def test_lost_reference_and_floor_photos_lose_every_groups_photo() -> None:
    for label in ("clean", "unrelated"):
        world = World(TWO)
        edit(world, protection=label, purification="none", metric="ism0[dlib]")[0].update(
            status="failed", value=None, reason="no face found"
        )
        summary = summary_of(world)
        rows = [row for row in summary["rows"] if row["metric"] == "ism0[dlib]"]
        assert {(row["n"], row["reasons"]["n"]) for row in rows} == {(7, "no face found")}
        assert summary["answer"].startswith("No protection was scored on every photo")


def test_a_metric_that_cannot_tell_a_stranger_has_no_strength() -> None:
    world = World(TWO, noise=0.05)
    for line in edit(world, protection="unrelated", metric="ism0[dlib]"):
        line["value"] = edit(world, protection="clean", **{k: line[k] for k in ("metric", "purification", "case")})[0][
            "value"
        ]
    summary = summary_of(world)
    row = row_of(summary, "strong")
    assert row["strength"] is row["worst_case"] is None
    assert "cannot tell a photo from a stranger" in row["reasons"]["strength"]
    assert summary["answer"].startswith("No strength could be computed by ism0[dlib]")
    assert summary["noise"] == NO_NOISE


def test_a_span_that_may_be_zero_gives_no_strength_though_its_mean_is_positive() -> None:
    world = by_hand()
    for case, value in zip(world.cases, (0.0, 0.9, 0.9), strict=True):
        edit(world, protection="unrelated", purification="none", metric="ism0[dlib]", case=case)[0]["value"] = value
    # Spans 0.8, -0.2 and 0.0.
    row = row_of(summary_of(world), "p")
    assert row["strength"] is None
    assert "clean - floor = 0.2" in row["reasons"]["strength"]
    assert row["worst_over"] == ["jpeg(75)"]


def test_a_purification_that_blinds_the_metric_is_left_out_of_the_worst_case_and_named() -> None:
    world = World({"p": {"none": 0.5, "blur(9)": 0.0}})
    for line in edit(world, purification="blur(9)", metric="ism0[dlib]"):
        line["value"] = 0.2
    row = row_of(summary_of(world), "p")
    assert row["worst_over"] == ["none"]
    assert row["worst_case"] == row["strength"]
    assert "cannot tell" in row["purifications"][1]["reasons"]["strength"]


def test_a_photo_lost_under_a_purification_that_blinds_the_metric_counts_as_lost() -> None:
    world = World({"p": {"none": 0.5, "blur(9)": 0.0}})
    for line in edit(world, purification="blur(9)", metric="ism0[dlib]"):
        line["value"] = 0.2
    edit(world, protection="p", purification="blur(9)", metric="ism0[dlib]")[0].update(status="failed", value=None)
    row = row_of(summary_of(world), "p")
    assert (row["n"], row["complete"]) == (7, False)


def test_one_photo_gives_numbers_without_intervals() -> None:
    summary = summary_of(World(TWO, photos=1))
    row = row_of(summary, "strong")
    assert row["strength"] is not None
    assert row["low"] is row["high"] is row["worst_low"] is row["excess_low"] is None
    assert summary["noise"] == NO_NOISE
    assert "no interval" in summary["answer"]


def test_nothing_beyond_the_noise_is_said_plainly() -> None:
    summary = summary_of(World({"p": {"none": 0.02, "jpeg(75)": 0.0}}, noise=0.1))
    assert summary["answer"].startswith("No protection is distinguishable from noise")


def test_controls_and_degenerate_participants_never_answer() -> None:
    world = World({"honest": {"none": 0.3}, "grey": {"none": 1.0}})
    for line in edit(world, protection="grey"):
        line["role"] = "degenerate"
    for line in edit(world, protection="random-lowfreq", metric="ism0[dlib]"):
        line["value"] -= 0.1
    summary = summary_of(world)
    assert summary["answer"].startswith("Strongest protection: honest ")
    roles = [row["role"] for row in summary["rows"] if row["metric"] == "ism0[dlib]"]
    assert roles == ["protection", "control", "control", "control", "degenerate"]


def test_a_target_that_passed_its_gate_answers_before_one_that_failed() -> None:
    valid, invalid = World({"p": {"none": 0.3}}, gate="passed"), World({"p": {"none": 0.9}}, target="other")
    header = {**valid.header, "models": valid.header["models"] + invalid.header["models"]}
    summary = summarise(header, valid.cells + [line for line in invalid.cells if line["target"]], [])
    assert "p on zoo-small" in summary["answer"]
    assert summary["answer"].endswith("small world, gate passed")


def test_transfer_is_marked_and_named_in_the_answer() -> None:
    world = World({"p": {"none": 0.6}})
    for line in world.cells:
        if line["surrogate"]:
            line["surrogate"] = "another"
    summary = summary_of(world)
    assert row_of(summary, "p")["transfer"] is True
    assert "p (computed on another) on zoo-small" in summary["answer"]


def shown_unpurified_only(world: World, protection: str) -> World:
    """The run as it is where the suite shows this protection without purification only."""
    world.cells = [
        line
        for line in world.cells
        if not (line["protection"] == protection and line["scope"] == "video" and line["purification"] != "none")
    ]
    return world


def test_the_worst_of_fewer_purifications_is_no_worst_case() -> None:
    summary = summary_of(shown_unpurified_only(World(TWO, noise=0.02), "strong"))
    row, whole = row_of(summary, "strong"), row_of(summary_of(World(TWO, noise=0.02)), "strong")
    assert row["worst_case"] is None
    assert row["reasons"]["worst_case"] == "the suite does not show it under jpeg(75)"
    assert row["strength"] == whole["strength"]
    assert row["beyond_noise"] is True
    assert row["complete"] is True
    assert "weak on zoo-small" in summary["answer"]


def test_what_is_shown_unpurified_is_tested_against_unpurified_noise() -> None:
    """A control that purification strengthens must not make such a protection look better."""
    world = World({"p": {"none": 0.0, "jpeg(75)": 0.0}}, photos=12, noise=0.05, seed=3)
    for line in edit(world, protection="random-sign", metric="ism0[dlib]", purification="jpeg(75)"):
        line["value"] += 0.5
    whole = row_of(summary_of(world), "p")
    row = row_of(summary_of(shown_unpurified_only(world, "p")), "p")
    world.header["purifications"] = ["none"]
    world.cells = [line for line in world.cells if line["purification"] == "none"]
    assert row["p_value"] == row_of(summary_of(world), "p")["p_value"]
    assert whole["p_value"] < row["p_value"]


def test_fidelity_cost_and_counts() -> None:
    world = World(TWO)
    world.costs[0]["seconds"] = 1000.0
    row = row_of(summary_of(world), "strong")
    assert row["fidelity"] == {"psnr": 33.0}
    assert (row["seconds"], row["peak_mib"]) == (12.5, 800.0)
    edit(world, protection="strong", metric="psnr")[0].update(status="skipped", value=None, reason="identical")
    assert row_of(summary_of(world), "strong")["fidelity"] == {"psnr": None}
    counts = summary_of(world)["cells"]
    assert counts["planned"] == len(world.cells) == counts["ok"] + counts["skipped"]


def test_p_values_hold_each_protection_against_random_sign_and_are_adjusted() -> None:
    summary = summary_of(World({**TWO, "nothing": {"none": 0.0, "jpeg(75)": 0.0}}, noise=0.05))
    strong, nothing = row_of(summary, "strong"), row_of(summary, "nothing")
    # All eight photos agree: two of 2**8 flips are as extreme; Holm multiplies the smallest of three by three.
    assert strong["p_value"] == pytest.approx(2 / 256, abs=1e-6)
    assert strong["p_adjusted"] == pytest.approx(6 / 256, abs=1e-6)
    assert nothing["p_adjusted"] >= nothing["p_value"] > 0.05


def test_p_values_ask_about_random_sign_and_no_other_control() -> None:
    world = World(TWO, noise=0.02)
    for line in edit(world, protection="random-lowfreq", metric="ism0[dlib]"):
        same = {key: line[key] for key in ("metric", "purification", "case")}
        line["value"] = edit(world, protection="strong", **same)[0]["value"]
    assert row_of(summary_of(world), "strong")["p_value"] == pytest.approx(2 / 256, abs=1e-6)


def test_lines_that_contradict_each_other_are_refused() -> None:
    world = World(TWO)
    world.cells.append({**world.cells[0], "value": 0.123})
    with pytest.raises(UserError, match=r"two values of ism0\[dlib\]"):
        summary_of(world)


def test_a_metric_that_the_header_does_not_know_is_refused() -> None:
    world = World(TWO)
    world.cells.append({**world.cells[0], "metric": "invented"})
    with pytest.raises(UserError, match="'invented'"):
        summary_of(world)


def test_the_contract_of_the_keys() -> None:
    summary = summary_of(World(TWO, noise=0.05))
    json.dumps(summary, allow_nan=False)
    assert {"suite", "world", "level", "cells", "noise", "rows"} <= set(summary)
    wanted = "protection surrogate target metric strength low high worst_case worst_low worst_high retained excess"
    wanted += " excess_low excess_high fidelity seconds peak_mib"
    for row in summary["rows"]:
        assert set(wanted.split()) <= set(row)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.integers(0, 3))
def test_order_shards_and_repeats_of_lines_change_nothing(shuffler: random.Random, seed: int) -> None:
    world = World(TWO, photos=4, noise=0.1, seed=seed)
    world.cells[7].update(status="failed", value=None, reason="x")
    expected = summary_of(world)
    shuffled = world.cells + world.cells[: shuffler.randrange(len(world.cells))]
    retried = {**world.cells[7], "status": "missing"}
    shuffled.append(retried)
    shuffler.shuffle(shuffled)
    costs = world.costs.copy()
    shuffler.shuffle(costs)
    header = {**world.header, "cases": shuffler.sample(world.cases, 4)}
    assert summarise(header, shuffled, costs) == expected


unit = st.floats(0, 1, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(unit, unit, unit), min_size=3, max_size=6))
def test_adding_a_purification_never_raises_the_worst_case(values: list[tuple[float, float, float]]) -> None:
    world = World({"p": {"none": 0.0, "a(1)": 0.0, "b(2)": 0.0}}, photos=len(values), spread=0.0)
    for case, by_purification in zip(world.cases, values, strict=True):
        for purification, value in zip(world.purifications, by_purification, strict=True):
            edit(world, protection="p", case=case, purification=purification, metric="ism0[dlib]")[0]["value"] = value
    worst = []
    for count in (1, 2, 3):
        scores = Scores({**world.header, "purifications": world.purifications[:count]}, world.cells)
        interval = Strengths(scores, "ism0[dlib]", Group("p", "zoo-small", "zoo-small", 8)).worst_case().interval
        assert interval is not None
        worst.append(interval.estimate)
    assert worst[0] >= worst[1] >= worst[2]


@settings(max_examples=20, deadline=None)
@given(st.floats(0.1, 20), st.floats(-5, 5))
def test_strength_has_no_unit(scale: float, shift: float) -> None:
    world = World(TWO, photos=4, noise=0.05)
    before = row_of(summary_of(world), "strong")
    for line in edit(world, metric="ism0[dlib]"):
        line["value"] = scale * line["value"] + shift
    after = row_of(summary_of(world), "strong")
    for key in ("strength", "low", "high", "worst_case", "worst_low", "worst_high", "retained"):
        assert after[key] == pytest.approx(before[key], abs=1e-5)
