"""The memory of a run: every process counts, at its highest, and the highest of all sessions stays."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fake_runs import RunFake, run_fake_command

from antibench.run_folder import RunFolder
from antibench.run_memory import RunMemory, read_peak_mib
from antibench.runfiles import read_run

HELD_MIB = 300
HOLD_AND_RESET = f"""
import json
import numpy as np
from antibench.engine.memory import PeakMemory, process_peak_mib
before = process_peak_mib()
held = np.ones({HELD_MIB} * 2**20, np.uint8)
high = process_peak_mib()
del held
print(json.dumps([before, high, PeakMemory("cpu").mib(), process_peak_mib()]))
"""


def test_the_peak_of_the_process_outlives_the_mark_that_a_job_resets() -> None:
    """In a process of its own: what other tests held before would hide what is held here."""
    command = [sys.executable, "-c", HOLD_AND_RESET]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    before, high, job, after = json.loads(done.stdout)
    assert high > before + HELD_MIB / 2
    assert job < high - HELD_MIB / 2, "the job has not taken what was held before it"
    assert after == pytest.approx(high, abs=2)  # the kernel counts pages a little late


def test_the_highest_figure_stays_and_is_written_as_it_grows(tmp_path: Path) -> None:
    memory = RunMemory(RunFolder(tmp_path))
    assert read_peak_mib(tmp_path) is None
    memory.note(1000.0)
    assert read_peak_mib(tmp_path) == 1000.0
    memory.note(1001.0)
    assert read_peak_mib(tmp_path) == 1000.0, "not for every small step"
    memory.write()
    assert read_peak_mib(tmp_path) == 1001.0
    later = RunMemory(RunFolder(tmp_path))
    later.note(500.0)
    later.write()
    assert read_peak_mib(tmp_path) == 1001.0


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"peak_mib": null}', '{"peak_mib": "much"}'])
def test_a_damaged_file_is_as_none(content: str, tmp_path: Path) -> None:
    (tmp_path / "memory.json").write_text(content)
    assert read_peak_mib(tmp_path) is None


def test_a_run_adds_up_its_processes_and_stays_within_4_gib(tmp_path: Path) -> None:
    def peak(workers: int) -> float:
        out = tmp_path / f"with-{workers}" / "run"
        command = run_fake_command(out, "--workers", str(workers), "--quiet", "--json")
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
        recorded = json.loads((out / "memory.json").read_text())["peak_mib"]
        assert json.loads(done.stdout)["peak_mib"] == pytest.approx(recorded, abs=0.1)
        return float(recorded)

    one, three = peak(1), peak(3)
    assert 100 < one < three < 4096
    assert three - one == pytest.approx(one, rel=0.4), "a coordinator and a worker, then two workers more"


def test_a_run_read_again_has_the_same_peak(run_fake: RunFake) -> None:
    ran = run_fake()
    assert ran.summary["peak_mib"] > 50
    assert read_run(ran.folder).summary() == ran.summary
    assert run_fake().summary == ran.summary
