"""What the harness itself costs: planning, and the time of a run that is not spent in plugins. A Markdown table.

    OMP_NUM_THREADS=1 python benchmarks/harness.py [--cpu] [RUN]
    python benchmarks/harness.py --suite full

RUN is a run of embedded data; its jobs are done again in one process into a new store. Work is what the store records
as a job's seconds: the call of a protection, purification, model or metric, nothing around it. Everything else counts
as the harness's, the making of the photos and the loading of the models included. Python's start and imports are left
out: they are over before the clock starts. The store must take the weight of every file, so put TMPDIR on a disk.

With RUN, and for the run of a suite in its usual place, finished or not, the peak memory that the run itself recorded
is checked: the resident memory of the coordinator and of each worker at its highest, added up. Pages they share count
several times and the peaks need not coincide, so the true peak is lower. Exit code 1 if a limit is not kept.

On a machine with other work, `--cpu` counts seconds of the processor instead; it leaves out the waiting for the disk.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from antibench import run as run_module
from antibench import video
from antibench.components import (
    CaseFacts,
    Component,
    MetricFacts,
    ModelFacts,
    ProtectionFacts,
    PurificationFacts,
    Resolved,
)
from antibench.engine import Outcome, Pool, bench, scoring
from antibench.engine.bench import Bench
from antibench.graph import build_graph
from antibench.jobs import Job
from antibench.plan import plan_cells
from antibench.run import Settings, default_out
from antibench.run_memory import read_peak_mib
from antibench.store import Store
from antibench.suite_file import load_suite, validated

MAX_SHARE = 0.02
"""Largest share of a run that may be the harness's."""
MAX_MIB = 4096
"""Most memory a run may take."""

PARTS: tuple[tuple[Any, str, str], ...] = (
    (Bench, "_model", "loading models"),
    (run_module, "prepare", "photos, plan and jobs"),
    (run_module, "environment", "versions, commit"),
    (run_module, "summarise", "summary"),
    (Store, "_write", "writing files"),
    (Store, "get", "reading files"),
    (video, "encode", "encoding clips"),
    (video, "decode", "decoding clips"),
    (bench, "to_png", "encoding images"),
    (bench, "from_png", "decoding images"),
)
"""(owner, function, what it does): parts of the harness that are timed on their own, without the parts within them."""


class Parts:
    """Seconds of the parts."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.seconds: Counter[str] = Counter()
        self._clock = clock
        self._within: list[float] = []
        for owner, name, part in PARTS:
            setattr(owner, name, self._timed(part, getattr(owner, name)))

    def _timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            start = self._clock()
            self._within.append(0.0)
            try:
                return function(*arguments, **named)
            finally:
                whole = self._clock() - start
                self.seconds[part] += whole - self._within.pop()
                if self._within:
                    self._within[-1] += whole

        return call


class InlinePool:
    """Does each job when it is waited for, in this process, and takes the time of all of it."""

    capacity = 1
    peak_mib = 0.0

    def __init__(self, store: Path) -> None:
        self._bench = Bench(Store(store), "cpu")
        self._job: Job | None = None

    def submit(self, job: Job) -> None:
        """See `Pool.submit`."""
        self._job = job

    def wait(self) -> Outcome:
        """See `Pool.wait`."""
        assert self._job is not None
        return self._bench.perform(self._job)

    def close(self) -> None:
        """See `Pool.close`."""


@contextmanager
def inline_pool(settings: Settings) -> Iterator[Pool]:
    """The pool of a run."""
    yield InlinePool(settings.store)


def plan_seconds(cases: int = 480) -> tuple[int, float]:
    """Cells of a large suite, and the seconds it takes to plan them and their jobs."""
    model = ModelFacts("models", "m", "m", 1)
    suite = {"budgets": [4, 8], "seeds": [0], "noise_seed": 1, "reference_seeds": [2], "transfer": True}
    metrics = tuple(MetricFacts("metrics", f"m{i}", f"m{i}", 1, scope=s) for i, s in enumerate(["video", "photo"]))
    protections = tuple(
        ProtectionFacts("protections", f"p{i}", f"p{i}", 1, needs=frozenset({"references"})) for i in range(4)
    )
    purifications = (PurificationFacts("purifications", "q", "q", 1, strengths=tuple(range(9))),)
    dataset = Component("datasets", "d", "d", 1)
    resolved = Resolved(suite, dataset, protections, purifications, (model,), (model,), metrics)
    facts = [CaseFacts(f"c{index}", f"{index:064x}") for index in range(cases)]
    start = time.perf_counter()
    cells = plan_cells(resolved, [case.id for case in facts])
    build_graph(resolved, cells, facts, "0" * 64)
    return len(cells), time.perf_counter() - start


@dataclass(frozen=True)
class Spent:
    """Seconds of a whole run in one process, of its plugins, and of parts of the rest."""

    whole: float
    plugins: float
    parts: dict[str, float]

    @property
    def share(self) -> float:
        """The harness's share of the run."""
        return 1 - self.plugins / self.whole


def spent(run: Path, clock: Callable[[], float]) -> Spent:
    """Do a run again."""
    suite = validated(json.loads((run / "plan.json").read_text())["suite"])
    run_module.local_pool = inline_pool
    for module in (bench, scoring):
        module.time = SimpleNamespace(perf_counter=clock)  # type: ignore[attr-defined]
    parts = Parts(clock)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Path(folder, "warm"), Path(folder, "store-warm"))
        run_module.run(suite.model_copy(update={"limit": 1}), settings)  # imports, lazy set-up
        parts.seconds.clear()
        settings = Settings(Path(folder, "run"), Path(folder, "store"))
        start = clock()
        run_module.run(suite, settings)
        whole = clock() - start
        records = [json.loads(path.read_text()) for path in settings.store.rglob("*.json")]
    return Spent(whole, sum(record.get("seconds", 0.0) for record in records), dict(parts.seconds.most_common()))


def overhead_is_kept(run: Path, cpu: bool) -> bool:
    """Print the time of a run done again; whether the harness's share is within its limit."""
    found = spent(run, time.process_time if cpu else time.perf_counter)
    rest = found.whole - found.plugins
    print(f"| a run in one process, {'processor' if cpu else 'wall'} seconds | {found.whole:.1f} s |")
    print(f"| work: calls of protections, purifications, models and metrics | {found.plugins:.1f} s |")
    print(f"| harness: all the rest | {rest:.2f} s |")
    for part, seconds in found.parts.items():
        print(f"| - {part} | {seconds:.2f} s |")
    print(f"| - other | {rest - sum(found.parts.values()):.2f} s |")
    print(f"| the harness's share, limit {MAX_SHARE:.0%} | {found.share:.2%} |")
    return found.share < MAX_SHARE


def memory_is_kept(run: Path) -> bool:
    """Print the memory of a run; whether it is known and within its limit."""
    mib = read_peak_mib(run)
    print(f"| peak memory of the run as it was made, limit {MAX_MIB} MiB | {mib or 'not recorded'} |")
    return mib is not None and mib < MAX_MIB


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="What the harness itself costs.")
    parser.add_argument("run", type=Path, nargs="?", help="folder of a run, whose jobs are done again")
    parser.add_argument("--cpu", action="store_true", help="count seconds of the processor")
    parser.add_argument("--suite", help="check the memory of this suite's run; nothing is run")
    arguments = parser.parse_args()
    print("| what | measured |\n|---|---|")
    if arguments.suite:
        raise SystemExit(not memory_is_kept(default_out(load_suite(arguments.suite))))
    cells, seconds = plan_seconds()
    print(f"| planning {cells} cells and their jobs | {seconds:.1f} s |")
    if arguments.run:
        kept = [overhead_is_kept(arguments.run, arguments.cpu), memory_is_kept(arguments.run)]
        raise SystemExit(not all(kept))


if __name__ == "__main__":
    main()
