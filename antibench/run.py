"""Running a suite: plan, do what is missing, write the run's folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from antibench.components import CaseFacts, Resolved
from antibench.engine import Outcome, Pool, Score
from antibench.engine.memory import process_peak_mib
from antibench.engine.schedule import drive
from antibench.errors import ExitCode, UserError
from antibench.graph import Graph, build_graph
from antibench.jobs import Job, ScoreJob
from antibench.keys import sha256_of
from antibench.local_weights import LocalWeights, digests, places
from antibench.plan import Cell, plan_cells
from antibench.progress import Quiet, Teller
from antibench.provenance import environment, fingerprint
from antibench.rows_of_run import cost_rows, ended_alike, header, portable, rows_of
from antibench.run_folder import Appender, RunFolder
from antibench.run_memory import RunMemory, read_peak_mib
from antibench.runfiles import read_run
from antibench.scores import Line
from antibench.standing import Standing, standing
from antibench.store import Store
from antibench.suite import Suite
from antibench.summary import summarise

DEFAULT_STORE = Path("results/store")
DEFAULT_RUNS = Path("results/runs")


@dataclass(frozen=True)
class Settings:
    """How to run, as opposed to what.

    Attributes:
        out: Folder of the run.
        store: Folder of the store.
        workers: Processes; None for one a core, or one a GPU.
        device: "cpu" or "cuda".
        plugin_files: Files whose plugins the workers must know too.
        weights: Local weights by label of their model.
        shared_since: Wait for another process that writes the run, instead of refusing, and take a run that ended after
            this time (seconds since the epoch) as it is, failed cells included. So processes that are asked for the
            same run at once, such as pytest's workers, do the work once.
    """

    out: Path
    store: Path = DEFAULT_STORE
    workers: int | None = None
    device: str = "cpu"
    plugin_files: tuple[Path, ...] = ()
    weights: Mapping[str, LocalWeights] = field(default_factory=dict)
    shared_since: float | None = None


@dataclass(frozen=True)
class Ran:
    """What came of a run."""

    folder: Path
    summary: dict[str, Any]
    exit_code: ExitCode
    computed: int
    """Jobs that were run, as opposed to found in the store."""


@dataclass(frozen=True)
class Work:
    """A suite ready to run."""

    resolved: Resolved
    cases: list[CaseFacts]
    cells: list[Cell]
    graph: Graph


def default_out(suite: Suite, weights: Mapping[str, LocalWeights] | None = None) -> Path:
    """Folder of a run: the same suite with the same changes and the same weights resumes the same run."""
    what = [suite.as_dict(), digests(weights)] if weights else suite.as_dict()
    return DEFAULT_RUNS / f"{suite.name}-{sha256_of(what)[:12]}"


def run(suite: Suite, settings: Settings, tell: Teller | None = None) -> Ran:
    """Run a suite, or what is missing of it.

    Raises:
        UserError: for anything the user can mend: names, photos, folders, disk space.
        KeyboardInterrupt: if interrupted; what is finished stays in the store.
    """
    tell = tell or Quiet()
    folder = RunFolder(settings.out)
    with folder.locked(wait=settings.shared_since is not None):
        other = folder.plan().get("header", {}).get("suite", suite.name)
        if other != suite.name:
            raise UserError(f"{settings.out} holds a run of suite {other!r}; choose another --out for {suite.name!r}")
        mark = fingerprint(suite, settings.device, settings.plugin_files, digests(settings.weights))
        done = _finished(folder, mark, settings.shared_since)
        if done is not None:
            return done
        store = Store(settings.store)
        store.prepare()
        folder.unfinish()
        work = prepare(suite, settings.device, store, settings.weights)
        return finish(work, standing(work.graph, store), folder, store, settings, tell, mark)


def finish(
    work: Work, state: Standing, folder: RunFolder, store: Store, settings: Settings, tell: Teller, mark: str
) -> Ran:
    """Do what is left of a run and write its folder."""
    folder.write_json("plan.json", _plan(work, mark))
    folder.write_json("env.json", environment(work.resolved))
    for name, count in sorted(state.stale.items()):
        tell.note(f"warning: the code of {name} changed, its version did not; {count} stored results are older")
    memory = RunMemory(folder)
    with folder.appending("cells.jsonl") as lines:
        book = _Book(work, state, lines, tell)
        if state.todo:
            tell.begin(state.left)
            with local_pool(settings) as pool:

                def ended(job: Job, outcome: Outcome) -> None:
                    book.ended(job, outcome)
                    memory.note(process_peak_mib() + pool.peak_mib)

                drive(state.todo, pool, ended, state.known)
    rows = book.rows()
    costs = cost_rows(work.graph, store)
    folder.write_rows("cells.jsonl", rows)
    folder.write_rows("costs.jsonl", costs)
    memory.note(process_peak_mib())
    memory.write()
    return _conclude(folder, header(work.resolved, work.cases), rows, costs, book.computed)


def prepare(suite: Suite, device: str, store: Store, weights: Mapping[str, LocalWeights] | None = None) -> Work:
    """Look the suite's names up, read its photos and plan its jobs."""
    from antibench.cases import case_ids, keep_target_photo, read_cases  # these import torch
    from antibench.resolve import resolve

    resolved = resolve(suite, device, digests(weights or {}))
    cells = plan_cells(resolved, case_ids(resolved))
    cases = read_cases(resolved, store)
    graph = build_graph(resolved, cells, cases, keep_target_photo(resolved, store))
    return Work(resolved, cases, cells, graph)


@contextmanager
def local_pool(settings: Settings) -> Iterator[Pool]:
    """Worker processes on this machine, stopped at the end whatever happens."""
    from antibench.engine.local import LocalPool, default_workers

    if settings.device == "cuda":
        import torch

        gpus = torch.cuda.device_count()
        if not gpus:
            raise UserError("--device cuda: torch finds no GPU here; leave the option out to run on the CPU")
        devices = [f"cuda:{index % gpus}" for index in range(settings.workers or gpus)]
    else:
        devices = ["cpu"] * (settings.workers or default_workers())
    pool = LocalPool(settings.store, devices, settings.plugin_files, places(settings.weights))
    try:
        yield pool
    finally:
        pool.close()


def _finished(folder: RunFolder, mark: str, shared_since: float | None) -> Ran | None:
    """The run as it is, if it is finished and nothing it depends on has changed. Failed cells are tried again, unless
    another process has just tried them."""
    if not folder.finished or folder.plan().get("fingerprint") != mark:
        return None
    try:
        found = read_run(folder.path)
    except UserError:
        return None  # damaged: made anew from the store
    just_now = shared_since is not None and (folder.finished_at or 0.0) >= shared_since
    if not just_now and any(line["status"] in ("failed", "missing") for line in found.cells):
        return None
    return _conclude(folder, found.header, found.cells, found.costs, computed=0)


def _plan(work: Work, mark: str) -> dict[str, Any]:
    return {
        "header": header(work.resolved, work.cases),
        "fingerprint": mark,
        "precision": work.resolved.precision,
        "suite": portable(work.resolved.suite),
        "cases": [asdict(case) for case in work.cases],
        "cells": [cell.row() for cell in work.cells],
    }


def _conclude(
    folder: RunFolder, head: dict[str, Any], rows: Sequence[Line], costs: Sequence[Line], computed: int
) -> Ran:
    summary = summarise(head, rows, costs, read_peak_mib(folder.path))
    folder.write_json("summary.json", summary)
    failed = any(row["status"] == "failed" for row in rows)
    return Ran(folder.path, summary, ExitCode.CELLS_FAILED if failed else ExitCode.FINE, computed)


class _Book:
    """Keeps every cell's scores; a cell is written as soon as the last of its scores is known."""

    def __init__(self, work: Work, state: Standing, lines: Appender, tell: Teller) -> None:
        self.computed = 0
        self._work, self._state, self._lines, self._tell = work, state, lines, tell
        self._cells_of: dict[str, list[Cell]] = defaultdict(list)
        pending = {job.key for job in state.todo}
        for cell in work.cells:
            view = work.graph.waits.get(cell.id)
            if view is not None:
                self._cells_of[view].append(cell)
            if view not in pending:
                lines.add(self._rows(cell))

    def ended(self, job: Job, outcome: Outcome) -> None:
        """Take note of a job."""
        self.computed += outcome.ran
        if job.key not in self._state.known:
            self._tell.advance(job.stage)
        if isinstance(job, ScoreJob):
            alike = {metric.label: Score(outcome.status, reason=outcome.reason) for metric in job.metrics}
            self._state.scores[job.key].update(outcome.scores or alike)
            for cell in self._cells_of[job.key]:
                self._lines.add(self._rows(cell))

    def rows(self) -> list[dict[str, Any]]:
        """All lines in the order of the plan."""
        return [row for cell in self._work.cells for row in self._rows(cell)]

    def _rows(self, cell: Cell) -> Iterator[dict[str, Any]]:
        ending = self._work.graph.endings.get(cell.id)
        if ending is not None:
            scores = ended_alike(cell, self._work.resolved, ending.status, ending.reason)
        else:
            scores = self._state.scores[self._work.graph.waits[cell.id]]
        return rows_of(cell, self._work.resolved, scores)
