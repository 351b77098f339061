"""Running suites of tiny plugins, in this process or by the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from antibench.components import Resolved
from antibench.engine import Outcome, Pool
from antibench.engine.bench import Bench
from antibench.jobs import Job
from antibench.local_weights import places
from antibench.resolve import resolve
from antibench.run import Ran, Settings
from antibench.store import Store
from antibench.suite import Suite
from antibench.suite_file import load_suite
from antibench.suite_options import Override, assignment

HERE = Path(__file__).parent
PLUGINS = HERE / "fake_plugins.py"
SUITE = HERE / "fake.toml"


class InlinePool:
    """Does jobs in this process, the last one handed in first: an engine with an order of its own."""

    def __init__(self, store: Path, capacity: int = 5, weights: Mapping[str, Path] | None = None) -> None:
        self._bench = Bench(Store(store), "cpu", weights)
        self._jobs: deque[Job] = deque()
        self._capacity = capacity

    @property
    def capacity(self) -> int:
        return self._capacity

    @property
    def peak_mib(self) -> float:
        return 0.0

    def submit(self, job: Job) -> None:
        self._jobs.append(job)

    def wait(self) -> Outcome:
        return self._bench.perform(self._jobs.pop())

    def close(self) -> None:
        self._jobs.clear()


@contextmanager
def inline_pool(settings: Settings) -> Iterator[Pool]:
    yield InlinePool(settings.store, weights=places(settings.weights))


def fake_suite(*assignments: str, overrides: tuple[Override, ...] = ()) -> Suite:
    return load_suite(str(SUITE), [*overrides, *(assignment(text) for text in assignments)])


def with_protection(name: str, **params: Any) -> Override:
    """Add a protection to the suite."""

    def apply(raw: dict[str, Any]) -> None:
        raw["protections"] = [*raw["protections"], {"name": name, **params}]

    return apply


def resolved_fake(*assignments: str, overrides: tuple[Override, ...] = ()) -> Resolved:
    return resolve(fake_suite(*assignments, overrides=overrides))


RunFake = Callable[..., Ran]


def lines_of(run: Path, name: str = "cells.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / name).read_text().splitlines()]


def command(*arguments: str | Path) -> list[str]:
    """The command line of ``antibench``, run by this Python."""
    code = "from antibench.cli import main; main()"
    return [sys.executable, "-c", code, *map(str, arguments)]


def antibench(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command(*arguments), capture_output=True, text=True, cwd=cwd, env=environment, timeout=300)


def run_fake_command(out: Path, *extra: str | Path) -> list[str]:
    return command(
        *("run", "--suite", SUITE, "--plugin", PLUGINS, "--out", out, "--store", out.parent / "store"), *extra
    )
