"""What the harness itself costs: planning, and the time of a run that is not spent in plugins. A Markdown table.

    OMP_NUM_THREADS=1 python benchmarks/harness.py [RUN]

RUN is a run of embedded data; its jobs are done again in one process into a new store, and their plugins'
own seconds, as the store records them, are compared with the time it took in all.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from antibench import run as run_module
from antibench.components import (
    CaseFacts,
    Component,
    MetricFacts,
    ModelFacts,
    ProtectionFacts,
    PurificationFacts,
    Resolved,
)
from antibench.engine import Outcome, Pool
from antibench.engine.bench import Bench
from antibench.graph import build_graph
from antibench.jobs import Job
from antibench.plan import plan_cells
from antibench.run import Settings
from antibench.store import Store
from antibench.suite_file import validated


class InlinePool:
    """Does each job when it is waited for, in this process, and takes the time of all of it."""

    capacity = 1

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


def overhead(run: Path) -> tuple[float, float]:
    """Seconds of a whole run in one process, the loading of its models included, and seconds inside its plugins."""
    suite = validated(json.loads((run / "plan.json").read_text())["suite"])
    run_module.local_pool = inline_pool
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Path(folder, "warm"), Path(folder, "store-warm"))
        run_module.run(suite.model_copy(update={"limit": 1}), settings)  # imports, weights, lazy set-up
        settings = Settings(Path(folder, "run"), Path(folder, "store"))
        start = time.perf_counter()
        run_module.run(suite, settings)
        whole = time.perf_counter() - start
        records = [json.loads(path.read_text()) for path in settings.store.rglob("*.json")]
    return whole, sum(record.get("seconds", 0.0) for record in records)


def main() -> None:
    """Print the table."""
    cells, seconds = plan_seconds()
    print("| what | measured |\n|---|---|")
    print(f"| planning {cells} cells and their jobs | {seconds:.1f} s |")
    if len(sys.argv) > 1:
        whole, plugins = overhead(Path(sys.argv[1]))
        print(f"| a run in one process, loading of models included | {whole:.1f} s |")
        print(f"| of which in plugins | {plugins:.1f} s |")
        print(f"| the harness's share | {100 * (1 - plugins / whole):.1f}% |")


if __name__ == "__main__":
    main()
