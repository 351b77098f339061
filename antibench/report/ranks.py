"""The table of ranks: what the photos can tell apart, and what they cannot."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase

from antibench.report.numbers import DASH, plus_minus
from antibench.report.table import Content, Row, Table, cell, labels, model_label

KINDS = (("worst_case", "worst_high"), ("strength", "high"))


def ranking(rows: Sequence[Row]) -> list[Table]:
    """Ranks by worst case and by strength of the rows that have one; none where there is nothing to rank."""
    ranked = sorted((row for row in rows if any((row.get("ranks") or {}).values())), key=_table)
    if not ranked:
        return []
    body = []
    for row in ranked:
        cells: list[Content] = [labels(row), str(row["budget"])]
        for name, high in KINDS:
            ranked_at = [cell(row, "rank", text, name) for text in place(row["ranks"][name])]
            cells += [cell(row, name, plus_minus(row[name], row[high])), *ranked_at]
        body.append(cells)
    columns = ["protection", "levels", "worst case ↑", "rank", "group", "strength ↑", "rank", "group"]
    title = f"Ranks on {model_label(rows[0])} at a budget, 95% sure; those that share a group cannot be told apart"
    return [Table(title, columns, body)]


def _table(row: Row) -> tuple[bool, str, int]:
    """Which rows are ranked among themselves; in a table their order stays that of the summary."""
    return row["transfer"], str(row["surrogate"]) if row["transfer"] else "", row["budget"]


def place(rank: Row | None) -> tuple[str, str]:
    """A rank and its groups in words, such as ``2-4`` and ``ab``."""
    if rank is None:
        return DASH, DASH
    low, high = rank["low"], rank["high"]
    return (str(low) if low == high else f"{low}-{high}"), _letters(rank["groups"])


def _letters(groups: Sequence[int]) -> str:
    if max(groups) <= len(ascii_lowercase):
        return "".join(ascii_lowercase[number - 1] for number in groups)
    return ",".join(str(number) for number in groups)
