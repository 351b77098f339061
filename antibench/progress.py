"""Telling how far a run is, on stderr: bars on a terminal, short lines elsewhere, nothing if quiet."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

LINE_EVERY_S = 15.0


class Teller(Protocol):
    """Someone who is told how far a run is."""

    def note(self, text: str) -> None:
        """Say something once."""
        ...

    def begin(self, left: Mapping[str, int]) -> None:
        """The jobs that are left, by stage."""
        ...

    def advance(self, stage: str) -> None:
        """A job ended."""
        ...


class Quiet:
    """Says nothing."""

    def note(self, text: str) -> None:
        """See `Teller.note`."""

    def begin(self, left: Mapping[str, int]) -> None:
        """See `Teller.begin`."""

    def advance(self, stage: str) -> None:
        """See `Teller.advance`."""


class Lines:
    """Short lines: when a stage ends, and every few seconds.

    The time left is that of the stage: a protection takes a hundred times as long as a score, so the pace of one stage
    says nothing about the next.
    """

    def __init__(self) -> None:
        self._left: dict[str, int] = {}
        self._total = 0
        self._said = 0.0
        self._began: dict[str, tuple[float, int]] = {}
        """When a stage's first job ended, and how many were left then: the start of the workers does not count."""

    def note(self, text: str) -> None:
        """See `Teller.note`."""
        click.echo(text, err=True)

    def begin(self, left: Mapping[str, int]) -> None:
        """See `Teller.begin`."""
        self._left, self._total = dict(left), sum(left.values())
        self.note("to do: " + ", ".join(f"{stage} {count}" for stage, count in left.items() if count))

    def advance(self, stage: str) -> None:
        """See `Teller.advance`."""
        self._left[stage] -= 1
        now = time.monotonic()
        left = sum(self._left.values())
        if not self._began:
            self._said = now
        began, first = self._began.setdefault(stage, (now, self._left[stage]))
        if self._left[stage] == 0 or now - self._said > LINE_EVERY_S:
            self._said = now
            done = first - self._left[stage]
            known = done > 0 and self._left[stage] > 0
            eta = f", about {(now - began) / done * self._left[stage]:.0f} s" if known else ""
            self.note(f"{stage}: {self._left[stage]} left{eta}; all: {self._total - left}/{self._total}")


class Bars:
    """One bar a stage with the time left."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def note(self, text: str) -> None:
        """See `Teller.note`."""
        self._progress.console.print(text, markup=False, highlight=False)

    def begin(self, left: Mapping[str, int]) -> None:
        """See `Teller.begin`."""
        for stage, count in left.items():
            if count:
                self._tasks[stage] = self._progress.add_task(stage, total=count)

    def advance(self, stage: str) -> None:
        """See `Teller.advance`."""
        self._progress.advance(self._tasks[stage])


@contextmanager
def teller(quiet: bool) -> Iterator[Teller]:
    """The teller that suits the terminal."""
    console = Console(stderr=True)
    if quiet:
        yield Quiet()
    elif not console.is_terminal:
        yield Lines()
    else:
        columns = (TextColumn("{task.description:>9}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console) as progress:
            yield Bars(progress)
