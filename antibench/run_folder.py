"""The folder of a run: its files, and the lock that keeps two processes from writing it at once."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from antibench.errors import UserError
from antibench.store import write_atomically


class RunFolder:
    """The files of one run, see `docs/formats.md`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self, wait: bool = False) -> Iterator[None]:
        """Hold the run for writing; the system lets go of it however the process ends.

        Args:
            wait: Wait for another process that holds it, instead of refusing.

        Raises:
            UserError: if another process holds it, or the folder cannot be written.
        """
        with self._lock(wait):
            try:
                yield
            finally:
                self._forget_if_empty()

    def _lock(self, wait: bool) -> TextIO:
        """The locked file. Whoever held it before may have taken the folder away, and the lock with it."""
        while True:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                handle = (self.path / "run.lock").open("w")
            except OSError as error:
                raise self._told(error) from error
            with ExitStack() as held:
                held.enter_context(handle)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                except BlockingIOError:
                    raise UserError(f"{self.path}: another process is writing this run; use another --out") from None
                with suppress(FileNotFoundError):
                    if os.path.samestat(os.fstat(handle.fileno()), (self.path / "run.lock").stat()):
                        held.pop_all()
                        return handle

    def _forget_if_empty(self) -> None:
        """A run that was refused before it wrote anything leaves no folder behind."""
        if [item.name for item in self.path.iterdir()] == ["run.lock"]:
            (self.path / "run.lock").unlink()
            self.path.rmdir()

    def plan(self) -> dict[str, Any]:
        """What ``plan.json`` holds; nothing if there is no readable plan. `runfiles` reads a run to show it."""
        try:
            plan = json.loads((self.path / "plan.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return plan if isinstance(plan, dict) else {}

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return self.finished_at is not None

    @property
    def finished_at(self) -> float | None:
        """When the run came to its end, in seconds since the epoch."""
        try:
            return (self.path / "summary.json").stat().st_mtime
        except OSError:
            return None

    def unfinish(self) -> None:
        """Say that the run is being worked on: without a summary it has not ended."""
        try:
            (self.path / "summary.json").unlink(missing_ok=True)
        except OSError as error:
            raise self._told(error) from error

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file whole."""
        self._write(name, json.dumps(value, indent=1, allow_nan=False) + "\n")

    def write_rows(self, name: str, rows: Iterable[dict[str, Any]]) -> None:
        """Write a ``.jsonl`` file whole."""
        self._write(name, "".join(map(json_line, rows)))

    @contextmanager
    def appending(self, name: str) -> Iterator[Appender]:
        """Start a ``.jsonl`` file anew, to append to it line by line."""
        try:
            handle = (self.path / name).open("w", encoding="utf-8")
        except OSError as error:
            raise self._told(error) from error
        with handle:
            yield Appender(self, handle)

    def _write(self, name: str, text: str) -> None:
        try:
            write_atomically(self.path / name, text.encode())
        except OSError as error:
            raise self._told(error) from error

    def _told(self, error: OSError) -> UserError:
        return UserError(f"{self.path}: {error.strerror or error}; free some space or choose another --out")


class Appender:
    """Appends lines, each whole and flushed."""

    def __init__(self, folder: RunFolder, handle: TextIO) -> None:
        self._folder = folder
        self._handle = handle

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        """Append rows."""
        try:
            self._handle.write("".join(map(json_line, rows)))
            self._handle.flush()
        except OSError as error:
            raise self._folder._told(error) from error


def json_line(row: dict[str, Any]) -> str:
    """A row as one line."""
    return json.dumps(row, allow_nan=False) + "\n"
