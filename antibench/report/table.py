"""A table free of any output format, where its numbers come from, and how the rows of a summary are named in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

Row: TypeAlias = Mapping[str, Any]


class RowKey(NamedTuple):
    """What tells a row of a summary from all others; the budget of a curve is None."""

    metric: str
    protection: str
    surrogate: str | None
    target: str
    budget: int | None


class Origin(NamedTuple):
    """Which number of which row: ``strength``, or ``after`` with the purification as its part."""

    row: RowKey
    quantity: str
    part: str = ""


@dataclass(frozen=True)
class Cell:
    """The text of a number, and which number it is; formats that cannot lead there show the text."""

    text: str
    origin: Origin

    def __str__(self) -> str:
        return self.text


Content: TypeAlias = str | Cell


@dataclass(frozen=True)
class Table:
    """A title, column heads and rows; the first columns (`left`) are left-aligned, the others right."""

    title: str
    columns: Sequence[str]
    body: Sequence[Sequence[Content]]
    left: int = 1

    @property
    def rows(self) -> list[list[str]]:
        """The rows as text."""
        return [[str(item) for item in row] for row in self.body]


def row_key(row: Row) -> RowKey:
    """The key of a row or, as it has no budget, of a curve."""
    return RowKey(row["metric"], row["protection"], row["surrogate"], row["target"], row.get("budget"))


def cell(row: Row, quantity: str, text: str, part: str = "") -> Cell:
    """The text of a number of a row."""
    return Cell(text, Origin(row_key(row), quantity, part))


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
