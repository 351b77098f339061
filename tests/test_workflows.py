"""The workflows are valid YAML, and what they run exists: targets of the Makefile, commands and options."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from antibench.cli import group

ROOT = Path(__file__).resolve().parents[1]
OWN = ROOT / ".github/workflows/ci.yml"
DEFENSE = ROOT / "docs/examples/defense-ci.yml"
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def steps(file: Path) -> list[dict[str, Any]]:
    workflow = yaml.safe_load(file.read_text())
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("file", [OWN, DEFENSE], ids=lambda file: file.name)
def test_it_is_a_workflow_that_may_only_read(file: Path) -> None:
    workflow = yaml.safe_load(file.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    # YAML 1.1 reads the key `on` as a boolean; GitHub does not.
    triggers = workflow[True]
    assert triggers.keys() == {"push", "pull_request"}, "pull_request_target would run a stranger's code with secrets"
    for job in workflow["jobs"].values():
        assert job["runs-on"] == "ubuntu-latest"
        assert job["timeout-minutes"] <= 90
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step)
            if "uses" in step:
                assert re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"])
            assert "${{" not in step.get("run", ""), "what a stranger may write must not become a command"


def test_the_own_workflow_runs_what_the_makefile_has() -> None:
    commands = [shlex.split(step["run"]) for step in steps(OWN) if "run" in step]
    assert {command[0] for command in commands} == {"make"}
    asked = {target for command in commands for target in command[1:]}
    assert {"lint", "test", "gate"} <= asked <= TARGETS


MY_DEFENSE = """
from dataclasses import dataclass
from typing import ClassVar
from antibench.contracts import Card
from antibench.registry import PROTECTIONS

@PROTECTIONS.register
@dataclass(frozen=True)
class MyDefense:
    name: ClassVar[str] = "my-defense"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(title="for tests")
    needs: ClassVar[frozenset[str]] = frozenset({"diffusion_loss"})
    stochastic: ClassVar[bool] = False
    role: ClassVar[str] = "protection"
    steps: int = 200
"""


def test_the_commands_for_a_defense_exist_with_their_options(tmp_path: Path) -> None:
    """With the suite of the documentation, pytest as the workflow calls it finds the defense's tests."""
    commands = [shlex.split(step["run"]) for step in steps(DEFENSE) if "run" in step]
    assert [command[0] for command in commands] == ["python", "antibench", "pytest"]
    _, plan, gate = commands
    command = group.get_command(click.Context(group), plan[1])
    assert command is not None
    options = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in plan if word.startswith("--")} <= options

    (suite,) = re.findall(r"```toml\n# suites/gate\.toml\n(.*?)```", (ROOT / "docs/ci.md").read_text(), re.DOTALL)
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites/gate.toml").write_text(suite)
    (tmp_path / "my_defense.py").write_text(MY_DEFENSE)
    argv = [sys.executable, "-m", "pytest", "-p", "antibench.pytest_plugin", *gate[1:], "--collect-only", "-q"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    found = [line for line in done.stdout.splitlines() if "::" in line]
    assert found[0] == "suites/gate.toml::my-defense[none-dynamicrafter-small-8]"
    assert len(found) == 3


def test_the_makefile_s_gate_is_the_plugin() -> None:
    (line,) = re.findall(r"^gate:.*\n\t(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert "pytest --antibench ci" in line
    assert (ROOT / "results/baselines/ci.json").is_file()
