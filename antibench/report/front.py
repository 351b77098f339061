"""What strength costs: which protections no cheaper one outdoes (the Pareto front)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Row: TypeAlias = Mapping[str, Any]


def outdone_by(row: Row, rows: Sequence[Row]) -> Row | None:
    """The strongest of the rows that cost no more and protect more, or as much for less; None on the front.

    Args:
        row: Of a summary, with `seconds` and a strength.
        rows: Those it is held against: of the same target and budget.
    """
    better = [other for other in rows if other is not row and _outdoes(other, row)]
    return max(better, key=_strength, default=None)


def comparable(rows: Sequence[Row]) -> list[Row]:
    """Complete protections with a known cost and strength, cheapest first; what was made on another model is left out,
    as its cost is that of the other."""
    kept = [
        row
        for row in rows
        if row["role"] == "protection"
        and row["complete"]
        and not row["transfer"]
        and row["seconds"] is not None
        and _known(row) is not None
    ]
    return sorted(kept, key=lambda row: (row["budget"], row["seconds"], -_strength(row)))


def _outdoes(other: Row, row: Row) -> bool:
    no_worse = other["seconds"] <= row["seconds"] and _strength(other) >= _strength(row)
    return no_worse and (other["seconds"] < row["seconds"] or _strength(other) > _strength(row))


def _known(row: Row) -> float | None:
    """The headline's worst case; where the suite shows one purification only there is none, and the strength counts."""
    found: float | None = row["strength"] if row["worst_case"] is None else row["worst_case"]
    return found


def _strength(row: Row) -> float:
    return float(_known(row) or 0.0)
