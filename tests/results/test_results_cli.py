from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_up_runs import World
from run_folders import write

from antibench.cli import main
from antibench.summary import summarise

TWO = {"strong": {"none": 0.6, "jpeg(75)": 0.4}, "weak": {"none": 0.5, "jpeg(75)": 0.1}}
WEAKENED = {**TWO, "strong": {"none": 0.1, "jpeg(75)": 0.1}}


def antibench(*arguments: Any) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write(World(TWO, noise=0.02), tmp_path / "run")


def test_show_rebuilds_the_summary_from_the_cells(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(TWO, noise=0.02)
    assert antibench("show", run, "--json") == 0
    assert json.loads(capsys.readouterr().out) == summarise(world.header, world.cells, world.costs)
    assert not (run / "summary.json").exists()


def test_show_takes_a_stored_summary_until_the_cells_are_newer(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(TWO, noise=0.02)
    summary = summarise(world.header, world.cells, world.costs)
    (run / "summary.json").write_text(json.dumps({**summary, "answer": "the stored one"}))
    assert antibench("show", run) == 0
    assert capsys.readouterr().out.startswith("the stored one\n")
    later = (run / "summary.json").stat().st_mtime_ns + 10_000_000
    os.utime(run / "cells.jsonl", ns=(later, later))
    assert antibench("show", run) == 0
    assert capsys.readouterr().out.startswith("Strongest protection: strong ")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": 0}'])
def test_show_rebuilds_a_damaged_summary(run: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "summary.json").write_text(content)
    assert antibench("show", run) == 0
    assert capsys.readouterr().out.startswith("Strongest protection")


@pytest.mark.parametrize("format_", ["table", "json", "csv", "markdown", "latex"])
def test_show_prints_every_format(run: Path, format_: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert antibench("show", run, "--format", format_) == 0
    assert "strong" in capsys.readouterr().out


def test_an_interrupted_run_is_shown_with_what_is_missing(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (run / "cells.jsonl").read_text()
    (run / "cells.jsonl").write_text(text[: len(text) // 2])
    assert antibench("show", run, "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["cells"]["planned"] == len(text.splitlines())
    assert summary["cells"]["ok"] == text[: len(text) // 2].count("\n")
    assert summary["cells"]["missing"] == summary["cells"]["planned"] - summary["cells"]["ok"]
    assert summary["answer"].startswith("No protection was scored on every photo")


def test_a_run_that_has_only_its_plan_is_shown(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "cells.jsonl").unlink()
    (run / "costs.jsonl").unlink()
    assert antibench("show", run) == 0
    assert "0 ok" in capsys.readouterr().out


def change_header(run: Path, **changes: Any) -> None:
    plan = json.loads((run / "plan.json").read_text())
    header = {key: value for key, value in {**plan["header"], **changes}.items() if value is not None}
    (run / "plan.json").write_text(json.dumps({**plan, "header": header}))


def append(run: Path, text: str) -> None:
    with (run / "cells.jsonl").open("a") as handle:
        handle.write(text)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "is no run: it holds no plan.json": lambda run: (run / "plan.json").unlink(),
    "plan.json is damaged": lambda run: (run / "plan.json").write_text("{"),
    "plan.json has no header": lambda run: (run / "plan.json").write_text("[1]"),
    "schema 2, newer than this antibench reads (1); upgrade antibench": lambda run: change_header(run, schema=2),
    "its header lacks headline": lambda run: change_header(run, headline=None),
    "line 449: not JSON": lambda run: append(run, "{half\n"),
    "line 449: lacks cell, metric": lambda run: append(run, '{"a": 1}\n'),
    "no such folder": lambda run: run.rename(run.with_name("elsewhere")),
}


@pytest.mark.parametrize("message", DAMAGES)
def test_a_folder_that_is_no_run_gets_one_line(run: Path, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    DAMAGES[message](run)
    assert antibench("show", run) == 4
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert message in printed.err


def test_exit_codes_of_compare(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weaker = write(World(WEAKENED, noise=0.02), tmp_path / "weaker")
    broken = World(TWO, noise=0.02)
    broken.cells[40].update(status="failed", value=None, reason="NaN")
    failed = write(broken, tmp_path / "failed")
    other = write(World({"third": {"none": 0.5}}), tmp_path / "other")
    assert antibench("compare", run, run) == 0
    assert antibench("compare", run, weaker) == 1
    assert antibench("compare", run, weaker, "--tolerance", "0.9") == 0
    assert antibench("compare", weaker, run) == 0
    assert antibench("compare", run, failed) == 3
    assert antibench("compare", run, tmp_path / "nowhere") == 4
    assert antibench("compare", run, run, "--tolerance", "-1") == 4
    assert antibench("compare", run, run, "--metric", "nothing") == 4
    assert antibench("compare", run, other) == 5
    assert "Stronger: strong on zoo-small" in capsys.readouterr().out


def test_compare_says_in_its_first_line_what_it_found(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weaker = write(World(WEAKENED, noise=0.02), tmp_path / "weaker")
    antibench("compare", run, weaker)
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == "Protection got weaker in 2 of 4 strengths by ism0[dlib], 8 photos, tolerance 0.02"
    assert second.startswith("Weaker: strong on zoo-small at 8 levels, worst case, 0.")


def test_compare_as_json(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weaker = write(World(WEAKENED, noise=0.02), tmp_path / "weaker")
    assert antibench("compare", run, weaker, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["exit_code"] == 1
    verdicts = {(item["protection"], item["over"]): item["verdict"] for item in found["changes"] if item["judged"]}
    assert verdicts == {
        ("strong", "worst case"): "weaker",
        ("strong", "none"): "weaker",
        ("weak", "worst case"): "same",
        ("weak", "none"): "same",
    }


def test_a_first_run_without_a_baseline(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = tmp_path / "nowhere"
    assert antibench("compare", nowhere, run) == 4
    assert antibench("compare", nowhere, run, "--missing", "new") == 0
    assert "all of" in capsys.readouterr().out


def test_reading_results_imports_no_torch(run: Path) -> None:
    code = (
        "import sys\nfrom antibench.cli import main\n"
        f"try:\n    main(['compare', {str(run)!r}, {str(run)!r}])\nexcept SystemExit as end:\n    assert not end.code\n"
        f"try:\n    main(['show', {str(run)!r}])\nexcept SystemExit as end:\n    assert not end.code\n"
        "print([name for name in ('torch', 'scipy', 'PIL') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
