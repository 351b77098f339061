"""The command line as a user meets it: fast, one line an error, clean stdout."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from fake_runs import PLUGINS, SUITE, antibench, command, run_fake_command

CODE = "import sys; from antibench.cli import main\ntry: main({arguments!r})\nfinally: print('torch' in sys.modules)"


def cpu_seconds(arguments: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command(*arguments), capture_output=True, check=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["list", "protections", "--json"]])
def test_help_and_list_are_fast_and_load_no_torch(arguments: list[str]) -> None:
    code = CODE.format(arguments=arguments)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("False\n")
    assert min(cpu_seconds(arguments) for _ in range(3)) < 0.3


def test_it_runs_as_a_module_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "antibench", "list", "suites", "--json"], capture_output=True, timeout=60
    )
    assert done.returncode == 0
    assert "smoke" in {item["name"] for item in json.loads(done.stdout)["suites"]}


def test_list_shows_every_kind() -> None:
    found = json.loads(antibench("list", "--json").stdout)
    assert found.keys() == {"suites", "protections", "purifications", "metrics", "models", "datasets", "modifiers"}
    assert {"smoke", "ci", "full", "ablation"} <= {item["name"] for item in found["suites"]}
    assert {"advdm@1", "mist@1", "anti-i2v@1"} <= {item["name"] for item in found["protections"]}
    assert all(item["summary"] for items in found.values() for item in items)


@pytest.mark.parametrize(
    "arguments",
    [["run"], ["plan"], ["list"], ["rescore"], ["show"], ["compare"], ["baseline"], ["check"]],
    ids=lambda a: a[0],
)
def test_every_command_explains_itself(arguments: list[str]) -> None:
    done = antibench(*arguments, "--help")
    assert done.returncode == 0, done.stderr
    assert f"antibench {arguments[0]}" in done.stdout


WRONG = [
    (["run", "--suite", "smok"], "unknown suite 'smok'; did you mean 'smoke'"),
    (["run", "--suite", "smoke", "-p", "advdmm"], "unknown protection 'advdmm'; did you mean advdm"),
    (["run", "--suite", "smoke", "--purification", "jpg"], "unknown purification 'jpg'; did you mean jpeg"),
    (
        ["run", "--suite", "smoke", "--model", "cogvideox-smal"],
        "unknown video model 'cogvideox-smal'; did you mean cogvideox-small",
    ),
    (["run", "--suite", "smoke", "--metric", "psn"], "unknown metric 'psn'; did you mean psnr"),
    (["run", "--suite", "smoke", "-p", "advdm@7"], "this antibench has advdm@1"),
    (["run", "--suite", "smoke", "--set", "protections.advdm.stepz=3"], "no parameter 'stepz'; did you mean 'steps'"),
    (["run", "--suite", "smoke", "--set", "dataset.count=0"], "count must be a whole number from 1"),
    (["run", "--suite", "smoke", "--images", "nowhere"], "folder of photos nowhere: No such file or directory"),
    (["run", "--suite", "smoke", "--plugin", "nowhere.py"], "--plugin nowhere.py: no such file"),
    (["run", "--suite", "smoke", "--workers", "0"], "--workers"),
    (
        ["run", "--suite", "smoke", "--weights", "svd=."],
        "the suite has no model or purification 'svd' (it has: dynamicrafter-small, jpeg)",
    ),
    (["plan", "--suite", "smoke", "--weights", "dynamicrafter-small=."], "takes no local weights"),
    (["plan", "--suite", "smoke", "--model", "svd", "--weights", "svd=."], "the folder holds no model_index.json"),
    (["run", "--suit", "smoke"], "--suit"),
    (["rum"], "rum"),
    (["list", "protektions"], "protektions"),
    (["rescore", "nowhere"], "nowhere: no such run"),
]


@pytest.mark.parametrize(("arguments", "told"), WRONG, ids=[" ".join(arguments[-2:]) for arguments, _ in WRONG])
def test_what_a_user_got_wrong_is_one_line_and_exit_code_4(arguments: list[str], told: str, tmp_path: Path) -> None:
    done = antibench(*arguments, cwd=tmp_path)
    assert done.returncode == 4, done.stderr
    assert done.stdout == ""
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("antibench: ")
    assert not list((tmp_path / "results" / "runs").glob("*")), "a refused run leaves no folder behind"


def test_a_broken_suite_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(SUITE.read_text().replace("budgets = [8]", "budgets = [eight]"))
    done = antibench("plan", "--suite", tmp_path / "mine.toml")
    assert done.returncode == 4
    assert "line 8" in done.stderr
    assert done.stderr.count("\n") == 1


def test_json_is_all_there_is_on_stdout_though_a_plugin_prints(tmp_path: Path) -> None:
    noisy = tmp_path / "noisy.py"
    noisy.write_text(PLUGINS.read_text() + "\nprint('noise at import')\n")
    argv = [str(noisy) if argument == str(PLUGINS) else argument for argument in run_fake_command(tmp_path / "run")]
    done = subprocess.run([*argv, "--json", "--limit", "2"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["suite"] == "fake"
    assert summary["cells"]["ok"] == summary["cells"]["planned"] > 0
    row = summary["rows"][0]
    assert {"protection", "surrogate", "target", "metric", "strength", "low", "high", "worst_case"} <= row.keys()
    assert {"worst_low", "worst_high", "retained", "excess", "excess_low", "excess_high"} <= row.keys()
    assert {"fidelity", "seconds", "peak_mib"} <= row.keys()
    assert "noise at import" in done.stderr
    assert "a plugin that prints" in done.stderr
    assert "generate: 0 left" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("as a page: antibench report ")

    # finished: nothing is imported that takes long, and the answer is the same
    again = subprocess.run([*argv, "--json", "--limit", "2", "--quiet"], capture_output=True, text=True, timeout=300)
    assert json.loads(again.stdout) == summary
    assert again.stderr == "noise at import\n"


def test_failed_cells_are_exit_code_3_with_the_table(tmp_path: Path) -> None:
    argv = run_fake_command(tmp_path / "run", "--limit", "2", "-p", "fake-broken", "--purification", "none", "--quiet")
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300)
    assert done.returncode == 3
    assert "failed" in done.stdout
    assert done.stderr == ""


def test_plan_and_rescore(tmp_path: Path) -> None:
    options = ["--suite", SUITE, "--plugin", PLUGINS, "--store", tmp_path / "store", "--limit", "2"]
    before = antibench("plan", *options)
    assert "unknown: none like them has run" in before.stdout
    ran = antibench("run", *options, "--out", tmp_path / "run", "--quiet")
    assert ran.returncode == 0, ran.stderr
    facts = json.loads(antibench("plan", *options, "--json").stdout)
    assert {row["left"] for row in facts["stages"]} == {0}
    assert facts["scores"] == 2 * 25
    assert facts["stale"] == {}

    odd = ["--metric", "fake-odd", "--plugin", PLUGINS, "--store", tmp_path / "store"]
    rescored = antibench("rescore", tmp_path / "run", *odd, "--json")
    assert rescored.returncode == 0, rescored.stderr
    assert "to do: score 24" in rescored.stderr
    assert json.loads(rescored.stdout)["cells"]["skipped"] == 24

    for video in (tmp_path / "store").rglob("*.mkv"):
        os.unlink(video)
    kept = antibench("rescore", tmp_path / "run", *odd, "--json", "--quiet")
    assert json.loads(kept.stdout) == json.loads(rescored.stdout), "what is scored needs no video"
    lost = antibench("rescore", tmp_path / "run", *odd, "--metric", "temporal-consistency", "--json", "--quiet")
    assert lost.returncode == 3
    assert json.loads(lost.stdout)["cells"]["failed"] == 24
