"""Exit codes, and errors a user can mend. The command line prints them in one line and exits with their code."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """What a command tells its caller."""

    FINE = 0
    WEAKER = 1
    INTERRUPTED = 2
    CELLS_FAILED = 3
    USAGE = 4
    NOTHING_COMPARED = 5


class UserError(Exception):
    """Something the user gave is wrong; the message names the thing and the fix."""

    exit_code: ExitCode = ExitCode.USAGE


class NothingComparedError(UserError):
    """A comparison found no cell that both sides have."""

    exit_code = ExitCode.NOTHING_COMPARED


def closest(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?``, or nothing if no known name is close."""
    close = difflib.get_close_matches(name, list(known), n=2, cutoff=0.5)
    return f"; did you mean {' or '.join(repr(item) for item in close)}?" if close else ""


def reason_of(error: Exception) -> str:
    """What a plugin raised, in one line of at most 500 characters."""
    text = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())[:500]
