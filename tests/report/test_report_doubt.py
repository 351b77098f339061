"""What stands behind a number: the scores it is computed from, and the command that computes it again."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_reports import GRID, TWO, reported_world, with_transfer
from made_up_runs import CLEAN, FLOOR, World
from page_data import PageData

from antibench.cli.options import chosen_suite
from antibench.cli.run import run as run_command
from antibench.report.html.command import FILE, Commands
from antibench.report.html.doubt import Doubt
from antibench.report.html.leaderboard import leaderboard
from antibench.report.html.reading import Reported
from antibench.rows_of_run import portable
from antibench.runfiles import Run
from antibench.scores import Scores
from antibench.suite import Suite
from antibench.suite_file import load_suite, validated

CHOICES = (
    *("suite_spec", "protections", "purifications", "models", "metrics", "limit", "images", "assignments", "plugins"),
)


def doubt_of(run: Reported) -> PageData:
    return PageData(Doubt(run, leaderboard(run), Commands(run), {}).data())


@pytest.fixture
def run(tmp_path: Path) -> Reported:
    return reported_world(tmp_path / "run", with_transfer())


def test_each_photos_part_makes_the_number(run: Reported) -> None:
    """Worst case, strength and excess are means over photos; their parts come from the scores, not from the summary."""
    data = doubt_of(run)
    checked = 0
    for line in data.data["lines"].values():
        for key in ("worst-case", "strength", "excess"):
            found = line["numbers"][key]
            if "value" in found:
                each = found["each"] if key != "strength" else data.strengths(found["trios"])[0]
                assert np.mean(each) == pytest.approx(found["value"], abs=1e-5)
                checked += 1
    assert checked > 15


def test_the_parts_of_a_noiseless_run_are_its_true_strengths(tmp_path: Path) -> None:
    run = reported_world(tmp_path / "run", World(TWO, spread=0.0, photo_damage=0.2))
    data = doubt_of(run)
    numbers = data.data["lines"]["strong-zoo-small-8"]["numbers"]
    assert data.strengths(numbers["strength"]["trios"])[0] == pytest.approx([0.7] * 8)
    assert numbers["worst-case"]["each"] == pytest.approx([0.2] * 8)
    assert numbers["excess"]["each"] == pytest.approx([0.7 - 0.2] * 8)
    after = {data.named(trio)[0]: data.strengths([trio])[0] for trio in numbers["retained"]["trios"]}
    assert {name: each[0] for name, each in after.items()} == pytest.approx(GRID)
    sides = data.sides(numbers["strength"]["trios"][0])
    assert [side[0] for side in sides] == pytest.approx([CLEAN - 0.7 * (CLEAN - FLOOR), CLEAN, FLOOR])


def test_scores_are_those_of_the_file_by_photo_and_seed(tmp_path: Path) -> None:
    run = reported_world(tmp_path / "run", World(TWO, noise=0.05, seeds=(3, 1)))
    data = doubt_of(run)
    trio = data.number_of("weak-zoo-small-8--retained")["trios"][1]
    after, metric = data.named(trio)
    assert (after, metric) == ("jpeg(90)", "ism0[dlib]")
    assert [item["seeds"] for item in data.data["metrics"] if item["name"] == metric] == [[1, 3]]
    for place, protection in zip(data.data["trios"][trio][2:], ("weak", "clean", "unrelated"), strict=True):
        by_photo = {
            (line["case"], line["seed"]): line["value"]
            for line in run.run.cells
            if (line["protection"], line["metric"], line["purification"]) == (protection, metric, after)
        }
        expected = [by_photo[case, seed] for case in data.data["cases"] for seed in (1, 3)]
        assert data.values(place) == pytest.approx(expected, abs=1e-6)
        assert data.odd(place) == {}


def test_what_has_no_score_says_why(tmp_path: Path) -> None:
    world = World(TWO, noise=0.03)
    for line in world.cells:
        at = (line["protection"], line["metric"], line["purification"], line["case"])
        if at == ("strong", "ism0[dlib]", "none", "portrait-0005"):
            line.update(status="failed", value=None, reason="out of memory")
    data = doubt_of(reported_world(tmp_path / "run", world))
    line = data.data["lines"]["strong-zoo-small-8"]
    assert line["photos"] == [7, 8]
    place = data.data["trios"][line["numbers"]["strength"]["trios"][0]][2]
    assert data.odd(place) == {5: ("failed", "out of memory")}
    assert data.values(place)[5] is None
    assert line["numbers"]["worst-case"]["each"][5] is None
    photos = line["numbers"]["photos"]
    assert (photos["value"], photos["reason"], photos["counted"][5]) == (7, "out of memory", 0)


def test_a_number_that_is_not_there_has_its_reason(run: Reported) -> None:
    away = doubt_of(run).data["lines"]["strong-from-zoo-small-other-small-8"]["numbers"]
    assert "value" not in away["worst-case"]
    assert away["worst-case"]["reason"] == "the suite does not show it under jpeg(90), jpeg(50)"
    assert away["transfer"]["reason"] == "shown to no other model"


def test_transfer_leads_to_the_other_lines(run: Reported) -> None:
    data = doubt_of(run)
    (fragment,) = data.number_of("strong-zoo-small-8--transfer")["others"]
    assert data.title_of(fragment) == "strong from zoo-small on other-small at 8 levels"
    (row,) = [row for row in run.rows if row["protection"] == "strong" and row["transfer"]]
    found = data.number_of(fragment)
    assert (found["value"], found["low"], found["high"]) == (row["strength"], row["low"], row["high"])


def test_fidelity_and_cost_show_each_photo(tmp_path: Path) -> None:
    world = World(TWO, noise=0.03)
    world.costs[0]["seconds"] = 99.0
    data = doubt_of(reported_world(tmp_path / "run", world))
    numbers = data.data["lines"]["strong-zoo-small-8"]["numbers"]
    assert data.values(numbers["psnr"]["plain"]) == [33.0] * 8
    assert numbers["seconds"]["costs"] == [99.0] + [12.5] * 7
    assert numbers["seconds"]["value"] == 12.5
    psnr = data.number_of("clean-reseeded-zoo-small-0--psnr")
    assert psnr == {"reason": "not measured: nothing is changed in the photo"}


def planned(suite: Suite, **header: Any) -> Reported:
    """A run of a suite as its plan tells of it, without a score."""
    empty = World({"p": {"none": 0.0}}, photos=2)
    facts = {**empty.header, "models": [{"name": model.shown} for model in suite.models], **header}
    plan = {"header": facts, "suite": portable(suite.as_dict()), "precision": "cpu"}
    return Reported("run", Run(facts, [], []), plan, {}, {}, Scores(facts, []))


def row(protection: str, target: str, surrogate: str | None, budget: int = 8, role: str = "protection") -> Any:
    return {"protection": protection, "target": target, "surrogate": surrogate, "budget": budget, "role": role}


def suite_asked_for(command: str) -> Suite:
    """What `antibench run` makes of a command, by its own parser."""
    program, verb, *arguments = shlex.split(command)
    assert (program, verb) == ("antibench", "run")
    with run_command.make_context("run", arguments) as context:
        return chosen_suite(**{name: context.params[name] for name in CHOICES})


def test_the_command_asks_for_the_line() -> None:
    full = load_suite("full")
    home, away = "dynamicrafter-small", "cogvideox-tokens-small"
    label = next(item.shown for item in full.protections if item.surrogates == (home,))
    commands = Commands(planned(full))
    told = commands.of(row(label, home, home))
    assert told == {"command": f"antibench run --suite full -p {label} --model {home}", "note": None}
    asked = suite_asked_for(str(told["command"]))
    assert label in [item.shown for item in asked.protections]
    assert [item.shown for item in asked.models] == [home]
    assert asked.purifications == full.purifications
    assert (asked.seeds, asked.dataset) == (full.seeds, full.dataset)
    moved = suite_asked_for(str(commands.of(row(label, away, home))["command"]))
    assert {item.shown for item in moved.models} == {home, away}


def test_one_of_several_budgets_is_set() -> None:
    sweep = load_suite("sweep")
    told = Commands(planned(sweep)).of(row("mist", "dynamicrafter-small", "dynamicrafter-small", 16))
    assert told["command"] == "antibench run --suite sweep -p mist --set 'budgets=[16]'"
    assert suite_asked_for(str(told["command"])).budgets == (16,)


def test_a_narrowed_run_is_asked_for_as_narrow() -> None:
    smoke = load_suite("smoke")
    narrowed = validated({**smoke.as_dict(), "limit": 2})
    told = Commands(planned(narrowed)).of(row("advdm", "dynamicrafter-small", "dynamicrafter-small"))
    assert told["command"] == "antibench run --suite smoke -p advdm --limit 2"
    assert suite_asked_for(str(told["command"])).limit == 2


def test_a_run_of_another_suite_comes_with_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite of that name is another by now, or the run was changed by `--set`."""
    raw = load_suite("smoke").as_dict()
    raw["protections"] = [{**item, "steps": 3} for item in raw["protections"]]
    commands = Commands(planned(validated(raw)))
    told = commands.of(row("advdm", "dynamicrafter-small", "dynamicrafter-small"))
    assert told["command"] == f"antibench run --suite {FILE} -p advdm"
    assert FILE in str(told["note"])
    assert commands.uses_file
    monkeypatch.chdir(tmp_path)
    Path(FILE).write_text(commands.file())
    asked = suite_asked_for(str(told["command"]))
    assert [item.params["steps"] for item in asked.protections if item.shown == "advdm"] == [3]


@pytest.mark.parametrize("name", ["smoke", "full", "sweep", "ablation", "fragility"])
def test_a_suite_as_a_file_is_the_same_suite(name: str, tmp_path: Path) -> None:
    suite = load_suite(name)
    (tmp_path / FILE).write_text(Commands(planned(suite)).file())
    assert load_suite(str(tmp_path / FILE)) == suite


def test_what_only_the_user_knows_has_a_place() -> None:
    raw = load_suite("smoke").as_dict()
    raw["dataset"] = {"name": "folder", "path": "/home/jane/photos"}
    raw["protections"] = [{"name": "advdm"}, {"name": "my-own"}]
    models = [{"name": "dynamicrafter-small", "local_weights": "0" * 64}]
    commands = Commands(planned(validated(raw), models=models, level="L2"))
    told = commands.of(row("my-own", "dynamicrafter-small", "dynamicrafter-small"))
    assert told["command"] == (
        "antibench run --suite smoke -p my-own --images PHOTOS --device cuda "
        "--weights dynamicrafter-small=FOLDER --plugin PLUGIN.py"
    )
    for part in (
        "PHOTOS is the folder",
        "FOLDER holds the weights of dynamicrafter-small",
        "PLUGIN.py registers my-own",
    ):
        assert part in str(told["note"])
    assert "jane" not in str(told) + commands.file()


def test_controls_come_with_a_run_of_a_control() -> None:
    commands = Commands(planned(load_suite("smoke")))
    model = "dynamicrafter-small"
    noise = commands.of(row("random-lowfreq", model, None, role="control"))["command"]
    assert noise == "antibench run --suite smoke -p random-lowfreq"
    reseeded = commands.of(row("clean-reseeded", model, None, 0, role="control"))["command"]
    assert suite_asked_for(str(reseeded)).models == load_suite("smoke").models


def test_a_plan_without_a_suite_has_no_command(run: Reported) -> None:
    told = Commands(run).of(run.rows[0])
    assert told["command"] is None
    assert "no suite" in str(told["note"])
