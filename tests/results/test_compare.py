from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_runs import World

from antibench.compare import Change, Comparison, compare
from antibench.errors import NothingComparedError, UserError
from antibench.scores import Scores
from antibench.strength import Strengths

THREE = {name: {"none": 0.6, "jpeg(75)": 0.3} for name in ("one", "two", "three")}


def of(a: World, b: World, **options: Any) -> Comparison:
    return compare(a.header, a.cells, b.header, b.cells, **options)


def change(found: Comparison, protection: str, over: str) -> Change:
    (item,) = [item for item in found.changes if (item.group.protection, item.over) == (protection, over)]
    return item


def fail(world: World, count: int, **wanted: Any) -> None:
    lines = [line for line in world.cells if all(line[key] == value for key, value in wanted.items())]
    for line in lines[:count]:
        line.update(status="failed", value=None, reason="the model returned NaN")


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.integers(4, 8))
def test_a_run_compared_with_itself_changes_by_exactly_nothing(seed: int, photos: int) -> None:
    world = World(THREE, photos=photos, noise=0.05, seed=seed)
    found = of(world, world, tolerance=0.0)
    for item in found.changes:
        assert item.interval is not None
        assert item.interval[:4] == (0.0, 0.0, 0.0, 0.0)
        assert item.verdict == "same"
    assert found.exit_code == 0
    assert found.failed == found.gone == found.new == []


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_swapping_the_runs_flips_the_sign(seed: int) -> None:
    a, b = World(THREE, noise=0.1, seed=seed), World(THREE, noise=0.1, seed=seed + 1)
    for there, back in zip(of(a, b).changes, of(b, a).changes, strict=True):
        assert there.interval is not None
        assert back.interval is not None
        assert there.interval.estimate == -back.interval.estimate
        assert there.interval.low == -back.interval.high
        assert there.interval.error == back.interval.error


@settings(max_examples=10, deadline=None)
@given(st.randoms(use_true_random=False))
def test_order_and_shards_of_lines_change_nothing(shuffler: random.Random) -> None:
    a, b = World(THREE, photos=4, noise=0.1), World(THREE, photos=4, noise=0.1, seed=1)
    expected = of(a, b)
    for world in (a, b):
        world.cells += world.cells[:20]
        shuffler.shuffle(world.cells)
    assert of(a, b) == expected


def test_a_weakened_protection_is_red_and_the_others_are_not() -> None:
    weakened = {**THREE, "two": {"none": 0.3, "jpeg(75)": 0.15}}
    found = of(World(THREE, noise=0.05), World(weakened, noise=0.05, seed=1))
    assert {item.group.protection for item in found.of("weaker")} == {"two"}
    assert found.exit_code == 1


def test_a_change_is_b_minus_a() -> None:
    # Every photo is the same here, so the interval is a point.
    item = change(of(World(THREE, spread=0.0), World({**THREE, "two": {"none": 0.6, "jpeg(75)": 0.15}}, spread=0.0)),
                  "two", "worst case")  # fmt: skip
    assert item.interval is not None
    assert (item.before, item.after) == (pytest.approx(0.3), pytest.approx(0.15))
    assert item.interval[:3] == (pytest.approx(-0.15), pytest.approx(-0.15), pytest.approx(-0.15))


def test_a_loss_within_the_tolerance_is_fine_however_sure() -> None:
    weakened = {**THREE, "two": {"none": 0.585, "jpeg(75)": 0.3}}
    a, b = World(THREE), World(weakened)
    assert of(a, b).exit_code == 0
    assert of(a, b, tolerance=0.01).exit_code == 1


def test_what_a_does_not_have_cannot_be_lost_and_costs_the_others_nothing() -> None:
    """Twenty purifications that leave nothing: Holm's correction must not count them against what is left."""
    gone = {f"jpeg({quality})": 0.0 for quality in range(20)}
    a = World({"kept": {"none": 0.5, **gone}}, noise=0.06, photos=12)
    b = World({"kept": {"none": 0.38, **gone}}, noise=0.06, photos=12, seed=1)
    found = of(a, b, each=True)
    assert {item.over for item in found.of("weaker")} == {"none"}
    assert [item.over for item in found.changes if item.losable] == ["none"]


def test_a_fall_from_nothing_is_told_and_is_not_red() -> None:
    a = World({"kept": {"none": 0.5, "jpeg(75)": 0.0}}, noise=0.01)
    b = World({"kept": {"none": 0.5, "jpeg(75)": -0.4}}, noise=0.01, seed=1)
    fallen = change(of(a, b, each=True), "kept", "jpeg(75)")
    assert (fallen.verdict, fallen.losable) == ("unsure", False)
    assert fallen.reason is not None
    assert "nothing to lose" in fallen.reason


def test_what_got_stronger_is_told_and_is_not_red() -> None:
    found = of(World(THREE, noise=0.05), World({**THREE, "one": {"none": 0.9, "jpeg(75)": 0.6}}, noise=0.05, seed=1))
    assert {item.group.protection for item in found.of("stronger")} == {"one"}
    assert found.exit_code == 0


def test_repeats_with_other_seeds_stay_green_and_a_halved_protection_goes_red() -> None:
    """False alarms in 100 comparisons of six numbers without any tolerance, and the power to see a real loss."""
    halved = {**THREE, "two": {"none": 0.3, "jpeg(75)": 0.15}}
    alarms = seen = 0
    for seed in range(100):
        a, again, weaker = (World(t, noise=0.06, seed=3 * seed + i) for i, t in enumerate((THREE, THREE, halved)))
        alarms += of(a, again, tolerance=0.0).exit_code == 1
        seen += any(item.group.protection == "two" for item in of(a, weaker).of("weaker"))
    assert alarms <= 10
    assert seen >= 70


@pytest.mark.parametrize(
    ("falls", "tolerance"),
    [((0.09, 0.20, 0.13, 0.22), 0.0), ((0.10, 0.12, 0.11, 0.13), 0.15)],
)
def test_a_loss_that_is_sure_alone_but_not_among_many_is_no_alarm(falls: tuple[float, ...], tolerance: float) -> None:
    many = {f"p{index}": {"none": 0.5} for index in range(20)}
    a, b = World(many, photos=4), World(many, photos=4)
    for line in b.cells:
        if (line["protection"], line["metric"]) == ("p7", "ism0[dlib]"):
            line["value"] += falls[int(line["case"][-1])]
    found = of(a, b, tolerance=tolerance)
    item = change(found, "p7", "none")
    assert item.beyond(tolerance, -1)
    assert item.verdict == "unsure"
    assert "not among 40 comparisons" in str(item.reason)
    assert found.exit_code == 0


def test_a_purification_that_blinds_one_run_leaves_the_worst_case_of_both() -> None:
    a, b = World(THREE), World(THREE)
    for line in b.cells:
        if (line["purification"], line["metric"]) == ("jpeg(75)", "ism0[dlib]"):
            line["value"] = 0.2
    found = of(a, b)
    assert change(found, "one", "jpeg(75)").verdict == "unknown"
    worst = change(found, "one", "worst case")
    assert worst.verdict == "same"
    assert worst.before == pytest.approx(change(found, "one", "none").before)


def test_runs_of_other_seeds_are_paired_by_photo_and_shared_seeds_alone_are_used() -> None:
    a, b = World(THREE, noise=0.05, seeds=(0,)), World(THREE, noise=0.05, seeds=(1,), seed=1)
    assert "share no seed" in of(a, b).notes[0]
    wide = World(THREE, noise=0.05, seeds=(0, 1))
    for line in wide.cells:
        if line["seed"] == 1:
            line["value"] += 1.0
    narrow = World(THREE, noise=0.05, seeds=(0,))
    narrow.cells = [line for line in wide.cells if line["seed"] != 1]
    for found in (of(narrow, wide), of(wide, narrow)):
        assert [item.interval.estimate for item in found.changes if item.interval] == [0.0] * len(found.changes)


def test_scores_that_fail_in_b_exit_3_and_are_counted() -> None:
    a, b = World(THREE), World(THREE)
    fail(b, 2, protection="two", metric="ism0[dlib]", purification="none")
    found = of(a, b)
    assert found.exit_code == 3
    (told,) = found.failed
    assert "two" in told
    assert "2 of 8 photos" in told
    assert "NaN" in told
    interval = change(found, "two", "none").interval
    assert interval is not None
    assert interval.photos == 6
    assert of(b, a).exit_code == 0


def test_all_of_b_failed_is_3_and_not_5() -> None:
    b = World(THREE)
    fail(b, len(b.cells))
    assert of(World(THREE), b).exit_code == 3


def test_weaker_outranks_failed() -> None:
    b = World({**THREE, "two": {"none": 0.0, "jpeg(75)": 0.0}})
    fail(b, 1, protection="one", metric="ism0[dlib]")
    assert of(World(THREE), b).exit_code == 1


def test_what_only_one_run_has_is_told_and_red_only_if_it_is_gone() -> None:
    fewer = {name: strengths for name, strengths in THREE.items() if name != "three"}
    found = of(World(THREE), World(fewer))
    assert found.exit_code == 3
    assert any("three" in name for name in found.gone)
    assert of(World(THREE), World(fewer), missing="ignore").exit_code == 0
    found = of(World(fewer), World(THREE))
    assert found.exit_code == 0
    assert any("three" in name for name in found.new)
    assert found.gone == []


def test_photos_in_common_are_compared_and_the_others_told() -> None:
    found = of(World(THREE, photos=8), World(THREE, photos=6))
    assert found.photos == 6
    assert found.gone == ["photo portrait-0006", "photo portrait-0007"]
    assert found.exit_code == 3


def test_controls_are_not_judged() -> None:
    a, b = World(THREE), World(THREE)
    for line in a.cells:
        if line["protection"] == "random-lowfreq" and line["metric"] == "ism0[dlib]":
            line["value"] -= 0.5
    assert of(a, b).exit_code == 0
    assert {item.group.protection for item in of(a, b).changes} == set(THREE)


def test_nothing_to_compare_is_an_error_of_its_own() -> None:
    with pytest.raises(NothingComparedError, match="no protection is in both"):
        of(World({"one": {"none": 0.5}}), World({"two": {"none": 0.5}}))
    with pytest.raises(NothingComparedError, match="two photos"):
        of(World(THREE, photos=1), World(THREE, photos=1))
    other = World(THREE)
    other.header["cases"] = ["someone-else"]
    with pytest.raises(NothingComparedError, match="no photo in common"):
        of(World(THREE), other)


def test_runs_that_do_not_compare_are_refused() -> None:
    real, renewed, retrained, bare = (World(THREE) for _ in range(4))
    real.header["world"] = "real"
    renewed.header["metrics"][0]["version"] = 2
    retrained.header["models"][0]["version"] = 7
    bare.header["metrics"] = bare.header["metrics"][1:]
    bare.cells = [line for line in bare.cells if line["metric"] != "ism0[dlib]"]
    for world, message in (
        (real, "different worlds, small and real"),
        (renewed, r"ism0\[dlib\] is version 1 in A and 2 in B"),
        (retrained, "zoo-small is version 1 in A and 7 in B"),
        (bare, r"run B has no metric 'ism0\[dlib\]'"),
    ):
        with pytest.raises(UserError, match=message):
            of(World(THREE), world)


def test_each_purification_is_judged_by_itself_if_asked() -> None:
    weakened = {**THREE, "two": {"none": 0.6, "jpeg(75)": 0.05}, "three": {"none": 0.3, "jpeg(75)": 0.3}}
    a, b = World(THREE), World(weakened)
    assert change(of(a, b), "two", "jpeg(75)").judged is False
    found = of(a, b, each=True)
    verdicts = {(item.group.protection, item.over): item.verdict for item in found.changes if item.judged}
    assert len(verdicts) == len(found.changes) == 9
    weaker = {name for name, verdict in verdicts.items() if verdict == "weaker"}
    assert weaker == {("two", "jpeg(75)"), ("two", "worst case"), ("three", "none")}


def test_how_much_of_the_suite_b_ran_changes_no_verdict() -> None:
    """Holm counts what A holds: a loss that drowns among all of A's strengths is not red when it is tested alone."""
    many = {f"p{index}": {"none": 0.5} for index in range(20)}
    a, b = World(many, photos=4), World(many, photos=4)
    for line in b.cells:
        if (line["protection"], line["metric"]) == ("p7", "ism0[dlib]"):
            line["value"] += (0.10, 0.20, 0.14, 0.22)[int(line["case"][-1])]
    whole = of(a, b, tolerance=0.0, each=True)
    b.cells = [line for line in b.cells if line["role"] != "protection" or line["protection"] == "p7"]
    alone = of(a, b, tolerance=0.0, each=True, missing="ignore")
    assert change(alone, "p7", "none").verdict == change(whole, "p7", "none").verdict == "unsure"
    assert change(alone, "p7", "none").reason == change(whole, "p7", "none").reason
    assert change(of(a, b, tolerance=0.0), "p7", "none").verdict == "weaker", "alone it would be"


def test_both_intervals_are_those_of_the_runs_over_the_paired_photos() -> None:
    a, b = World(THREE, noise=0.05), World({**THREE, "two": {"none": 0.4, "jpeg(75)": 0.1}}, noise=0.05, seed=1)
    item = change(of(a, b), "two", "jpeg(75)")
    for world, interval in ((a, item.interval_before), (b, item.interval_after)):
        own = Strengths(Scores(world.header, world.cells), "ism0[dlib]", item.group).strength("jpeg(75)")
        assert interval == own.interval
    assert item.interval is not None
    assert item.interval_before is not None
    assert item.after == pytest.approx(item.interval_before.estimate + item.interval.estimate)


def test_what_is_lost_is_told_by_its_place() -> None:
    a, b = World(THREE), World(THREE)
    fail(b, 1, protection="two", metric="ism0[dlib]", purification="jpeg(75)")
    ((place, told),) = of(a, b).lost.items()
    assert (place.metric, place.group.protection, place.purification) == ("ism0[dlib]", "two", "jpeg(75)")
    assert "1 of 8 photos" in told
