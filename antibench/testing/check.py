"""The result of one contract check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One rule of a contract, and whether a plugin keeps it.

    Attributes:
        name: The rule, in a few words.
        ok: Whether it is kept.
        detail: What was found; empty if there is nothing to add.
    """

    name: str
    ok: bool
    detail: str = ""


def attempt(name: str, fault: Callable[[], str | None]) -> Check:
    """Run one check. `fault` returns what is wrong, or None; an exception is a fault too, never a crash."""
    try:
        found = fault()
    except Exception as error:
        found = f"raises {type(error).__name__}: {error}"
    return Check(name, not found, found or "")
