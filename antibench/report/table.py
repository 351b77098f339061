"""A table free of any output format, and how the rows of a summary are named in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Row: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """A title, column heads and rows of text; the first columns (`left`) are left-aligned, the others right."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1


def model_label(row: Row) -> str:
    """The target's name with the state of its validity gate, unless it has none."""
    gate = row["gate"]
    return str(row["target"]) + ("" if gate in ("not-applicable", "passed") else f" [gate {gate}]")


def named(row: Row) -> str:
    """The protection, and its role if it is none."""
    return f"{row['protection']} ({row['role']})" if row["role"] != "protection" else str(row["protection"])


def labels(row: Row) -> str:
    """The protection, its role if it is none, and the model it was made on if that is another."""
    return named(row) + (f" from {row['surrogate']}" if row["transfer"] else "")
