"""Ranks of the protections of one table, as far as the photos can tell them apart.

Ranked are protections on the same target at the same budget by the same metric; those made on another model only among
those made on it. A rank goes from 1 + the number of rows that are surely better to the number of rows less those that
are surely worse (`antibench.stats.surely_above`): with 95% confidence it holds the true rank of every row at once. Rows
that cannot be told apart share a group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from antibench.scores import Group, Scores
from antibench.stats import Floats, Statistic, plainly, resample_weights, surely_above
from antibench.strength import Effects, Strengths, ratio, worst

Row = dict[str, Any]
Bools = npt.NDArray[np.bool_]
BY = ("worst_case", "strength")
"""What rows are ranked by."""
VALID = ("passed", "not-applicable")
"""States of a target's validity gate in which it may rank."""


def add_ranks(scores: Scores, rows: Sequence[Row]) -> None:
    """Give every row its `ranks`: by each of `BY` a rank, or null; why a row has none is in its `reasons`."""
    tables: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        row["ranks"] = dict.fromkeys(BY)
        reason = _why_not(row, len(scores.cases))
        if reason:
            row["reasons"]["ranks"] = reason
            continue
        made = row["surrogate"] if row["transfer"] else None
        tables.setdefault((row["metric"], row["target"], row["budget"], row["transfer"], made), []).append(row)
    for table in tables.values():
        for name in BY:
            _rank(scores, [row for row in table if row[name] is not None], name)
        for row in table:
            if not any(row["ranks"].values()):
                row["reasons"]["ranks"] = "there is no other to rank it against"


def _why_not(row: Row, photos: int) -> str | None:
    """Why a row does not stand."""
    if row["role"] != "protection":
        return f"it is {'an' if row['role'][0] in 'aeiou' else 'a'} {row['role']}"
    if row["gate"] not in VALID:
        return f"the target's validity gate is {row['gate']}"
    if not row["complete"]:
        return "photos are lost"
    if row["strength"] is None:
        return str(row["reasons"]["strength"])
    return "ranks need two photos" if photos < 2 else None


def _rank(scores: Scores, rows: list[Row], name: str) -> None:
    """Rank rows that have every photo, so that all are statistics of the same ones."""
    if len(rows) < 2:
        return
    photos = len(scores.cases)
    statistics = [_statistic(scores, row, name) for row in rows]
    estimates = np.array([plainly(statistic, photos) for statistic in statistics])
    drawn = np.array([statistic(resample_weights(photos)) for statistic in statistics])
    above = surely_above(estimates, drawn, photos)
    groups = tie_groups(above, estimates)
    for index, row in enumerate(rows):
        row["ranks"][name] = {
            "low": 1 + int(above[:, index].sum()),
            "high": len(rows) - int(above[index].sum()),
            "of": len(rows),
            "groups": [number for number, group in enumerate(groups, start=1) if index in group],
        }


def _statistic(scores: Scores, row: Row, name: str) -> Statistic:
    group = Group(row["protection"], row["surrogate"], row["target"], row["budget"])
    strengths = Strengths(scores, row["metric"], group)
    seen = strengths.sighted if name == "worst_case" else ["none"]
    build: Callable[[list[Effects]], Statistic] = worst if name == "worst_case" else _first
    return build([strengths.effects[purification] for purification in seen])


def _first(effects: list[Effects]) -> Statistic:
    return ratio(effects[0])


def tie_groups(above: Bools, estimates: Floats) -> list[frozenset[int]]:
    """The largest sets of rows no two of which can be told apart, the best first (Piepho 2004, insert and absorb).

    Args:
        above: (rows, rows), from `surely_above`.
        estimates: (rows,).
    """
    groups = {frozenset(range(len(estimates)))}
    for better, worse in np.argwhere(above).tolist():
        split = {group for group in groups if better in group and worse in group}
        parts = {group - {row} for group in split for row in (better, worse)}
        groups = groups - split | parts
        groups = {group for group in groups if not any(group < other for other in groups)}
    return sorted(groups, key=lambda group: sorted((-estimates[row], row) for row in group))
