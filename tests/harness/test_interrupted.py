"""Kills and interrupts at any time: no orphans, nothing lost but the job in hand, the same bytes in the end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from fake_runs import lines_of, run_fake_command

SLOW = ("--set", "protections.fake-push.sleep_s=0.4", "--workers", "2")

JOBS = 3 + 9 + 12 + 30 + 75


def started(out: Path, *extra: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        run_fake_command(out, *SLOW, *extra),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell's background job ignores Ctrl-C, and so would everything it starts, these tests among it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition: object, seconds: float = 60) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def made(store: Path) -> set[str]:
    return {str(path) for path in store.rglob("*.json")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    subprocess.run(run_fake_command(out, *SLOW, "--quiet"), check=True, capture_output=True, timeout=300)
    return out


@pytest.mark.parametrize("least", [1, 60])
def test_a_killed_run_goes_on_where_it_was(least: int, undisturbed: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    process = started(tmp_path / "run")
    wait_for(lambda: len(made(store)) >= least)
    workers = children(process.pid)
    process.kill()
    process.communicate()
    wait_for(lambda: not any(map(alive, workers)), 10)

    before = {path: os.stat(path).st_mtime_ns for path in made(store)}
    done = subprocess.run(run_fake_command(tmp_path / "run", *SLOW), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    after = {path: os.stat(path).st_mtime_ns for path in made(store)}
    assert len(after) == len(made(undisturbed.parent / "store"))
    assert {path: after[path] for path in before} == before, "what was finished was not made again"
    (told,) = re.findall(r"to do: (.*)", done.stderr)
    to_do = sum(map(int, re.findall(r"\d+", told)))
    jobs_done = [path for path in before if json.loads(Path(path).read_text())["stage"] != "prepare"]
    assert len(jobs_done) + to_do == JOBS
    assert (tmp_path / "run" / "cells.jsonl").read_bytes() == (undisturbed / "cells.jsonl").read_bytes()


def ended_as_interrupted(process: subprocess.Popen[str], workers: list[int]) -> None:
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 2
    assert stdout == ""
    assert "interrupted; the same command goes on where this one stopped" in stderr
    assert "Traceback" not in stderr
    wait_for(lambda: not any(map(alive, workers)), 10)


def test_an_interrupt_is_exit_code_2_and_one_line(tmp_path: Path) -> None:
    """Ctrl-C reaches the whole group of processes, here while the workers are still starting."""
    process = started(tmp_path / "run", "--quiet")
    wait_for(lambda: len(children(process.pid)) >= 2)
    workers = children(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    ended_as_interrupted(process, workers)


def test_being_told_to_end_is_an_interrupt(tmp_path: Path) -> None:
    process = started(tmp_path / "run", "--quiet")
    wait_for(lambda: any(tmp_path.glob("store/*/*.mkv")))
    workers = children(process.pid)
    process.terminate()
    ended_as_interrupted(process, workers)


def test_a_worker_that_is_killed_costs_its_job_only(tmp_path: Path) -> None:
    extra = ["-p", "fake-broken", "--set", "protections.fake-broken.how=kill", "--purification", "none", "--limit", "2"]
    done = subprocess.run(
        run_fake_command(tmp_path / "run", *extra, "--set", "headline=fake-likeness", "--quiet"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 3, done.stderr
    rows = lines_of(tmp_path / "run")
    failed = [row for row in rows if row["status"] == "failed"]
    assert {row["protection"] for row in failed} == {"fake-broken"}
    assert "worker was killed by signal 9" in failed[0]["reason"]
    assert {row["status"] for row in rows if row["protection"] != "fake-broken"} == {"ok"}


def test_workers_that_keep_dying_stop_the_run(tmp_path: Path) -> None:
    extra = ["-p", "fake-broken", "--set", "protections.fake-broken.how=exit", "--set", "dataset.count=8"]
    done = subprocess.run(
        run_fake_command(tmp_path / "run", *extra, "--workers", "1", "--quiet"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 4
    assert "workers keep dying (the last ended with code 7)" in done.stderr
    assert done.stderr.count("\n") == 1


def test_results_do_not_depend_on_the_number_of_workers(undisturbed: Path, tmp_path: Path) -> None:
    subprocess.run(
        run_fake_command(tmp_path / "run", *SLOW[:2], "--workers", "3", "--quiet"), check=True, capture_output=True
    )
    assert (tmp_path / "run" / "cells.jsonl").read_bytes() == (undisturbed / "cells.jsonl").read_bytes()
