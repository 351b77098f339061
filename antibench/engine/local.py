"""The local engine: worker processes on this machine, one to a core or one to a GPU."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from antibench.engine import Outcome
from antibench.engine.uninterrupted import uninterrupted
from antibench.engine.worker import WorkerSettings, serve
from antibench.errors import UserError
from antibench.jobs import Job

MAX_DEATHS = 3
"""Workers that may die one after the other without a job ending between them."""

PATIENCE_S = 5.0
"""How long an idle worker may take to end."""


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    settings: WorkerSettings
    job: Job | None = None
    peak_mib: float = 0.0


class LocalPool:
    """Worker processes, started when there is something to do; one that is killed costs its job, not the run."""

    def __init__(
        self,
        store: Path,
        devices: Sequence[str],
        plugin_files: Sequence[Path] = (),
        weights: Mapping[str, Path] | None = None,
    ) -> None:
        """At most one worker for each entry of `devices` (torch device strings); `weights` are paths by digest."""
        self._context = multiprocessing.get_context("spawn")
        self._deaths = 0
        files = tuple(file.resolve() for file in plugin_files)
        self._unstarted = [WorkerSettings(store, device, files, dict(weights or {})) for device in devices]
        self._capacity = len(devices)
        self._workers: list[_Worker] = []

    @property
    def capacity(self) -> int:
        """See `Pool.capacity`."""
        return self._capacity

    @property
    def peak_mib(self) -> float:
        """See `Pool.peak_mib`."""
        return sum(worker.peak_mib for worker in self._workers)

    def submit(self, job: Job) -> None:
        """See `Pool.submit`."""
        idle = [worker for worker in self._workers if worker.job is None]
        if not idle:
            with uninterrupted():
                idle = [self._start(self._unstarted.pop(0))]
                self._workers += idle
        worker = idle[0]
        worker.job = job
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it died: `wait` tells
            worker.pipe.send(job)

    def wait(self) -> Outcome:
        """See `Pool.wait`.

        Raises:
            UserError: if workers keep dying.
        """
        busy = {worker.pipe: worker for worker in self._workers if worker.job is not None}
        ready = wait(list(busy))[0]
        worker = busy[ready]  # type: ignore[index]
        try:
            outcome: Outcome
            outcome, worker.peak_mib = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            return self._replace(worker)
        worker.job = None
        self._deaths = 0
        return outcome

    def close(self) -> None:
        """See `Pool.close`."""
        for worker in self._workers:
            worker.pipe.close()  # an idle worker ends by itself, and lets go of what libraries hold
            if worker.job is not None:
                worker.process.kill()
        for worker in self._workers:
            worker.process.join(PATIENCE_S)
            worker.process.kill()
            worker.process.join()

    def _start(self, settings: WorkerSettings) -> _Worker:
        """Start a worker `uninterrupted`: one whose start is cut short ends in a traceback, and Ctrl-C, which a
        terminal sends to all, is for the coordinator alone."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=serve, args=(theirs, settings), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours, settings)

    def _replace(self, worker: _Worker) -> Outcome:
        worker.process.join()
        worker.pipe.close()
        code = worker.process.exitcode or 0
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        self._deaths += 1
        if self._deaths > MAX_DEATHS:
            raise UserError(f"workers keep dying (the last {how}); use fewer --workers if memory is short")
        job = worker.job
        assert job is not None
        with uninterrupted():
            self._workers[self._workers.index(worker)] = self._start(worker.settings)
        return Outcome(job.key, "failed", f"{job.stage}: the worker {how} during this job; short of memory?")


def default_workers() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
