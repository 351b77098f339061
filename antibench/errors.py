"""Errors a user can mend. The command line prints them in one line and exits with their code."""

from __future__ import annotations


class UserError(Exception):
    """Something the user gave is wrong; the message names the thing and the fix."""

    exit_code = 4


class NothingComparedError(UserError):
    """A comparison found no cell that both sides have."""

    exit_code = 5
