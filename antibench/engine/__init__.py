"""Engines run jobs. An engine is a `Pool`; `schedule.drive` hands it jobs whose inputs are there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from antibench.jobs import Job

Ended = Literal["ok", "failed", "over-budget", "skipped"]


@dataclass(frozen=True)
class Score:
    """What a metric made of a view."""

    status: Ended
    value: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How a job ended."""

    key: str
    status: Ended
    reason: str | None = None
    scores: dict[str, Score] = field(default_factory=dict)
    """Score jobs: label of the metric -> score."""
    ran: bool = True
    """False if the job was not run, because it was known how it ends."""
    fatal: bool = False
    """No other job can succeed either (no disk space); the run stops with the reason."""


class Pool(Protocol):
    """Something that runs jobs, several at a time, in any order."""

    @property
    def capacity(self) -> int:
        """How many jobs may be in hand at once."""
        ...

    @property
    def peak_mib(self) -> float:
        """Peak resident memory of each process that the pool started, added up, in MiB; known when a job ends."""
        ...

    def submit(self, job: Job) -> None:
        """Take a job; its inputs are in the store."""
        ...

    def wait(self) -> Outcome:
        """The next job to end."""
        ...

    def close(self) -> None:
        """Stop at once, whatever is in hand."""
        ...
