"""The benchmark of a step at full size, on tiny networks."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu_attack_step.py"
TINY = ("--tiny", "--device", "cpu", "--steps", "4")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], check=False, capture_output=True, text=True)


@pytest.mark.slow
def test_each_model_and_protection_gives_finite_numbers(tmp_path: Path) -> None:
    file = tmp_path / "steps.jsonl"
    done = run(
        *TINY, "--mode", "low-memory", "--protection", "advdm", "anti-i2v", "anti-i2v-fresh", "--json", str(file)
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(rows) == 9
    assert {row["status"] for row in rows} == {"ok"}
    for row in rows:
        assert all(math.isfinite(value) for value in row.values() if isinstance(value, float))
        assert row["ms"] > 0
        assert row["floor_tflop"] > 0
    for model in {row["model"] for row in rows}:
        advdm, kept, fresh = (row for row in rows if row["model"] == model)
        assert advdm["ms_with_anchor_pass"] == 0
        assert advdm["floor_tflop"] < kept["floor_tflop"] < fresh["floor_tflop"]


def test_what_does_not_fit_the_budget_is_skipped_and_said(tmp_path: Path) -> None:
    file = tmp_path / "steps.jsonl"
    done = run(*TINY, "--budget", "0", "--model", "opensora-1.2", "--mode", "eager", "--json", str(file))
    assert done.returncode == 0
    assert "skipped: no time left (--budget)" in done.stdout
    assert [json.loads(line)["status"] for line in file.read_text().splitlines()] == ["skipped", "skipped"]


def test_one_failure_leaves_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "steps.jsonl"
    done = run("--tiny", "--device", "nowhere", "--model", "opensora-1.2", "--mode", "eager", "--json", str(file))
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert [json.loads(line)["status"] for line in file.read_text().splitlines()] == ["failed", "failed"]
