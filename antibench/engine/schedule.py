"""Handing jobs to a pool as soon as their inputs are there, in a fixed order of preference."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from antibench.engine import Outcome, Pool
from antibench.errors import UserError
from antibench.jobs import Job

Report = Callable[[Job, Outcome], None]


def drive(jobs: Sequence[Job], pool: Pool, report: Report, known: Mapping[str, Outcome] | None = None) -> None:
    """Run jobs, each after those among them that make its inputs.

    A job whose input failed is not run: it ends as its input did, for the same reason.

    Args:
        jobs: In order of preference.
        pool: Where they run.
        report: Told of each job as it ends.
        known: How some of the jobs end, without running them.

    Raises:
        UserError: if a job ends in a way that no other could escape.
    """
    _Drive(jobs, pool, report).run(known or {})


class _Drive:
    def __init__(self, jobs: Sequence[Job], pool: Pool, report: Report) -> None:
        self._pool = pool
        self._report = report
        self._jobs = {job.key: job for job in jobs}
        self._rank = {job.key: rank for rank, job in enumerate(jobs)}
        self._users: dict[str, list[str]] = defaultdict(list)
        self._missing: dict[str, int] = {}
        for job in jobs:
            made_here = [key for key in set(job.inputs) if key in self._jobs]
            self._missing[job.key] = len(made_here)
            for key in made_here:
                self._users[key].append(job.key)
        self._ready = [self._rank[key] for key, missing in self._missing.items() if missing == 0]
        heapq.heapify(self._ready)
        self._order = [job.key for job in jobs]
        self._ended: set[str] = set()

    def run(self, known: Mapping[str, Outcome]) -> None:
        for outcome in known.values():
            self._end(outcome)
        in_hand = 0
        while self._ready or in_hand:
            while self._ready and in_hand < self._pool.capacity:
                key = self._order[heapq.heappop(self._ready)]
                if key not in self._ended:
                    self._pool.submit(self._jobs[key])
                    in_hand += 1
            if not in_hand:
                continue
            outcome = self._pool.wait()
            in_hand -= 1
            if outcome.fatal:
                raise UserError(outcome.reason or "the run cannot go on")
            self._end(outcome)

    def _end(self, outcome: Outcome) -> None:
        stack = [outcome]
        while stack:
            ended = stack.pop()
            if ended.key in self._ended:
                continue
            self._ended.add(ended.key)
            self._report(self._jobs[ended.key], ended)
            for key in self._users[ended.key]:
                if ended.status == "ok":
                    self._missing[key] -= 1
                    if self._missing[key] == 0 and key not in self._ended:
                        heapq.heappush(self._ready, self._rank[key])
                else:
                    stack.append(Outcome(key, ended.status, ended.reason, ran=False))
