"""Jobs run after their inputs, once, and fail with them."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antibench.components import Component
from antibench.engine import Outcome
from antibench.engine.schedule import drive
from antibench.errors import UserError
from antibench.jobs import Job, PurifyJob

PLUGIN = Component("purifications", "p", "p", 1)


def chain(edges: list[int]) -> list[Job]:
    """Job i reads what job `edges[i]` makes, if that comes before it."""
    return [PurifyJob(f"k{i}", PLUGIN, 1.0, f"k{e}" if e < i else "photo") for i, e in enumerate(edges)]


@dataclass
class Pool:
    """Ends jobs in a random order; checks that their inputs ended before."""

    rng: random.Random
    fails: frozenset[str] = frozenset()
    capacity: int = 3

    def __post_init__(self) -> None:
        self.hand: list[Job] = []
        self.done: list[str] = []

    def submit(self, job: Job) -> None:
        assert len(self.hand) < self.capacity
        assert all(key == "photo" or key in self.done for key in job.inputs)
        self.hand.append(job)

    def wait(self) -> Outcome:
        job = self.hand.pop(self.rng.randrange(len(self.hand)))
        self.done.append(job.key)
        return Outcome(job.key, "failed" if job.key in self.fails else "ok", "why" if job.key in self.fails else None)

    def close(self) -> None:
        pass


@given(st.lists(st.integers(0, 12), max_size=12), st.integers(0, 99), st.sets(st.integers(0, 11)))
def test_every_job_ends_once(edges: list[int], seed: int, failing: set[int]) -> None:
    jobs = chain(edges)
    pool = Pool(random.Random(seed), frozenset(f"k{i}" for i in failing))
    ended: dict[str, Outcome] = {}

    def report(job: Job, outcome: Outcome) -> None:
        assert job.key not in ended
        ended[job.key] = outcome

    drive(jobs, pool, report)
    assert ended.keys() == {job.key for job in jobs}
    for job in jobs:
        (source,) = job.inputs
        bad = job.key in pool.fails or (source in ended and ended[source].status == "failed")
        assert ended[job.key].status == ("failed" if bad else "ok")
        assert (job.key in pool.done) == (source not in ended or ended[source].status == "ok")


def test_known_endings_are_not_run_and_reach_what_depends_on_them() -> None:
    jobs = chain([9, 0, 1, 9])
    pool = Pool(random.Random(0))
    ended: dict[str, Outcome] = {}
    known = {"k0": Outcome("k0", "over-budget", "too much")}
    drive(jobs, pool, lambda job, outcome: ended.update({job.key: outcome}), known)
    assert {key: outcome.status for key, outcome in ended.items()} == {
        "k0": "over-budget",
        "k1": "over-budget",
        "k2": "over-budget",
        "k3": "ok",
    }
    assert pool.done == ["k3"]
    assert ended["k2"].reason == "too much"


def test_a_fatal_end_stops_everything() -> None:
    class Full(Pool):
        def wait(self) -> Outcome:
            return Outcome(self.hand.pop().key, "failed", "no space", fatal=True)

    with pytest.raises(UserError, match="no space"):
        drive(chain([9, 0]), Full(random.Random(0)), lambda job, outcome: None)
