from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up_runs import World
from run_folders import write

from antibench.baseline import accept, baseline_path, origin, read_baseline, read_results
from antibench.cli import main
from antibench.compare import compare
from antibench.errors import UserError
from antibench.runfiles import read_run
from antibench.summary import summarise

TWO = {"strong": {"none": 0.6, "jpeg(75)": 0.4}, "weak": {"none": 0.5, "jpeg(75)": 0.1}}


def antibench(*arguments: Any) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write(World(TWO, noise=0.02, seeds=(0, 3)), tmp_path / "run")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1000), photos=st.integers(4, 6), seeds=st.sampled_from([(0,), (2, 0, 1)]))
def test_a_run_and_its_baseline_are_the_same_to_every_bit(
    tmp_path_factory: pytest.TempPathFactory, seed: int, photos: int, seeds: tuple[int, ...]
) -> None:
    """Every score comes back, whatever its float; so the change is exactly nothing, and so is its error."""
    folder = tmp_path_factory.mktemp("run")
    world = World(TWO, noise=0.07, seed=seed, photos=photos, seeds=seeds)
    original = read_run(write(world, folder / "run"))
    kept = read_results(accept(folder / "run", folder / "kept.json"))
    places = [key for key in original.cells[0] if key != "cell"]

    def told(lines: list[Any]) -> set[tuple[Any, ...]]:
        return {tuple(line[key] for key in places) for line in lines}

    assert told(kept.cells) == told(original.cells)
    assert len(kept.cells) == len(original.cells)
    found = compare(kept.header, kept.cells, original.header, original.cells, tolerance=0.0, each=True)
    assert [change.interval[:4] for change in found.changes if change.interval] == [(0.0,) * 4] * len(found.changes)
    assert summarise(kept.header, kept.cells, kept.costs) == summarise(world.header, world.cells, world.costs)


def test_a_baseline_does_not_depend_on_the_order_of_the_lines(run: Path, tmp_path: Path) -> None:
    first = accept(run, tmp_path / "a.json").read_text()
    for name in ("cells.jsonl", "costs.jsonl"):
        lines = (run / name).read_text().splitlines(True)
        (run / name).write_text("".join(reversed(lines)))
    assert accept(run, tmp_path / "b.json").read_text() == first


def test_a_score_that_moved_is_one_line_of_the_diff(run: Path, tmp_path: Path) -> None:
    first = accept(run, tmp_path / "a.json").read_text().splitlines()
    lines = [json.loads(line) for line in (run / "cells.jsonl").read_text().splitlines()]
    line = next(line for line in lines if line["protection"] == "strong" and line["purification"] == "jpeg(75)")
    line["value"] += 0.25
    (run / "cells.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    second = accept(run, tmp_path / "a.json").read_text().splitlines()
    (moved,) = [pair for pair in zip(first, second, strict=True) if pair[0] != pair[1]]
    assert '"protection": "strong"' in moved[1]
    assert '"purification": "jpeg(75)"' in moved[1]


def test_it_is_small_beside_the_run(run: Path, tmp_path: Path) -> None:
    assert accept(run, tmp_path / "a.json").stat().st_size < (run / "cells.jsonl").stat().st_size / 5


def test_it_says_where_it_comes_from(run: Path, tmp_path: Path) -> None:
    environment = {
        "antibench": "0.9",
        "commit": "abc",
        "python": "3.12",
        "machine": "x86_64",
        "device": "cpu",
        "libraries": {"torch": "2.7.0", "numpy": "2.0"},
        "hostname": "a machine's own name",
    }
    (run / "env.json").write_text(json.dumps(environment))
    kept = read_baseline(accept(run, tmp_path / "a.json"))
    assert kept.provenance["libraries"] == {"numpy": "2.0", "torch": "2.7.0"}
    assert kept.provenance["run"] == "run"
    assert kept.provenance["photos"] == 8
    assert kept.provenance["scores"] == {"ok": len(read_run(run).cells)}
    assert "hostname" not in kept.provenance
    assert kept.run.header["suite_sha256"] == "0" * 64
    text = origin(kept.provenance)
    assert text == f"accepted {kept.provenance['accepted']}, antibench 0.9, torch 2.7.0, cpu on x86_64, commit abc"
    assert str(tmp_path) not in (tmp_path / "a.json").read_text()


def fail(run: Path, **changes: Any) -> None:
    lines = [json.loads(line) for line in (run / "cells.jsonl").read_text().splitlines()]
    lines[5].update(value=None, **changes)
    (run / "cells.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_an_incomplete_run_is_refused_unless_told(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fail(run, status="failed", reason="the model returned NaN")
    assert antibench("baseline", "accept", run) == 4
    told = capsys.readouterr().err
    assert "1 scores failed of 784 (the first: " in told
    assert "the model returned NaN" in told
    assert "--incomplete" in told
    assert not Path("results").exists()
    assert antibench("baseline", "accept", run, "--incomplete") == 0
    kept = read_results(Path("results/baselines/made-up.json"))
    (lost,) = [line for line in kept.cells if line["status"] != "ok"]
    assert (lost["status"], lost["value"], lost["reason"]) == ("failed", None, "the model returned NaN")


def test_a_run_that_was_interrupted_is_incomplete(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (run / "cells.jsonl").read_text().splitlines(True)
    (run / "cells.jsonl").write_text("".join(text[:-3]))
    assert antibench("baseline", "accept", run) == 4
    assert "3 scores not run of 784" in capsys.readouterr().err


@pytest.mark.parametrize(("status", "reason"), [("skipped", "no face: any frame"), ("over-budget", "too large")])
def test_what_a_run_ends_with_by_right_is_kept_with_its_reason(run: Path, status: str, reason: str) -> None:
    fail(run, status=status, reason=reason)
    kept = read_results(accept(run))
    (lost,) = [line for line in kept.cells if line["status"] != "ok"]
    assert (lost["status"], lost["reason"]) == (status, reason)


def test_compare_takes_baselines_for_runs(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weaker = write(World({**TWO, "strong": {"none": 0.1, "jpeg(75)": 0.1}}, noise=0.02, seeds=(0, 3)), tmp_path / "w")
    assert antibench("baseline", "accept", run) == 0
    file = Path("results/baselines/made-up.json")
    assert antibench("compare", file, run) == 0
    assert antibench("compare", file, file) == 0
    capsys.readouterr()
    assert antibench("compare", file, weaker, "--json") == 1
    by_file = json.loads(capsys.readouterr().out)
    assert antibench("compare", run, weaker, "--json") == 1
    assert json.loads(capsys.readouterr().out) == by_file
    assert antibench("compare", weaker, file) == 0
    assert antibench("compare", tmp_path / "nothing.json", run, "--missing", "new") == 0
    assert antibench("baseline", "accept", weaker) == 0
    assert "Against the one before: Protection got weaker in 2 of 4 strengths" in capsys.readouterr().out


def test_show_prints_a_baseline_and_lists_them(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert antibench("baseline", "show") == 4
    assert "holds no baseline" in capsys.readouterr().err
    antibench("baseline", "accept", run)
    capsys.readouterr()
    assert antibench("baseline", "show") == 0
    assert capsys.readouterr().out.startswith("results/baselines/made-up.json: suite made-up@1, 8 photos, accepted 20")
    assert antibench("baseline", "show", "made-up") == 0
    first, _, answer, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("results/baselines/made-up.json: accepted 20")
    assert answer.startswith("Strongest protection: strong")
    assert antibench("baseline", "show", "results/baselines/made-up.json", "--json") == 0
    world = World(TWO, noise=0.02, seeds=(0, 3))
    assert json.loads(capsys.readouterr().out) == summarise(world.header, world.cells, world.costs)
    for name in ("made-upp", "../made-up", "Made"):
        assert antibench("baseline", "show", name) == 4


@pytest.mark.parametrize("name", ["", "..", "../ci", "a/b", "CI", "ci.json", "ci\n"])
def test_a_name_never_becomes_a_path_elsewhere(name: str, run: Path) -> None:
    with pytest.raises(UserError, match="is no name of a suite"):
        baseline_path(name)
    plan = json.loads((run / "plan.json").read_text())
    plan["header"]["suite"] = name
    (run / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(UserError, match="is no name of a suite"):
        accept(run)


def test_a_file_of_another_suite_is_not_overwritten(run: Path) -> None:
    path = accept(run)
    plan = json.loads((run / "plan.json").read_text())
    plan["header"]["suite"] = "other"
    (run / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(UserError, match="is the baseline of suite 'made-up', not of 'other'"):
        accept(run, path)


def damaged(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def apply(path: Path) -> None:
        value = json.loads(path.read_text())
        change(value)
        path.write_text(json.dumps(value))

    return apply


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no such file": lambda path: path.unlink(),
    "is damaged: Expecting": lambda path: path.write_text("{"),
    "is no baseline": lambda path: path.write_text("[1]"),
    "is no baseline: `antibench baseline accept": damaged(lambda value: value.pop("baseline")),
    "schema 2, newer than this antibench reads (1)": damaged(lambda value: value.update(baseline=2)),
    "its header lacks cases": damaged(lambda value: value["header"].pop("cases")),
    "it lacks 'scores'": damaged(lambda value: value.pop("scores")),
    "it lacks 'role'": damaged(lambda value: value["scores"][0].pop("role")),
    "15 scores of": damaged(lambda value: value["scores"][0]["values"].pop()),
    "is 'ok: 1'": damaged(lambda value: value["scores"][0].update(values=["ok: 1"] * 16)),
    "is None": damaged(lambda value: value["scores"][0].update(values=[None] * 16)),
    "is True": damaged(lambda value: value["scores"][0].update(values=[True] * 16)),
    "it lacks 'seconds'": damaged(lambda value: value["costs"][0].pop("seconds")),
}


@pytest.mark.parametrize("message", DAMAGES)
def test_a_file_that_is_no_baseline_gets_one_line(run: Path, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = accept(run)
    DAMAGES[message](path)
    assert antibench("baseline", "show", path) == 4
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert message in printed.err


def test_what_cannot_be_a_number_is_not_written(run: Path) -> None:
    lines = [json.loads(line) for line in (run / "cells.jsonl").read_text().splitlines()]
    lines[0]["value"] = math.nan
    (run / "cells.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(UserError, match="holds a number that is not finite"):
        accept(run)
    assert not Path("results/baselines/made-up.json").exists()


def test_the_headline_alone_gives_the_same_strengths_in_a_smaller_file(run: Path, tmp_path: Path) -> None:
    whole = read_results(accept(run, tmp_path / "whole.json")).summary()["rows"]
    small = read_results(accept(run, tmp_path / "small.json", headline_only=True)).summary()["rows"]
    keys = ("protection", "target", "strength", "low", "worst_case", "worst_low", "excess", "p_adjusted")
    by_headline = [[row[key] for key in keys] for row in whole if row["metric"] == "ism0[dlib]"]
    assert [[row[key] for key in keys] for row in small] == by_headline
    assert None not in by_headline[0]
    assert (tmp_path / "small.json").stat().st_size < 0.6 * (tmp_path / "whole.json").stat().st_size


def test_values_go_by_photo_and_then_by_seed_as_the_header_lists_them(run: Path) -> None:
    raw = json.loads(accept(run).read_text())
    (entry,) = [
        entry
        for entry in raw["scores"]
        if (entry["metric"], entry["protection"], entry["purification"]) == ("ism0[dlib]", "weak", "jpeg(75)")
    ]
    lines = [json.loads(line) for line in (run / "cells.jsonl").read_text().splitlines()]
    by_key = {
        (line["case"], line["seed"]): line["value"]
        for line in lines
        if all(line[key] == entry[key] for key in ("metric", "protection", "purification"))
    }
    order = [(case, seed) for case in raw["header"]["cases"] for seed in (0, 3)]
    assert entry["values"] == [by_key[key] for key in order]
    assert len(set(entry["values"])) == 16
