"""What changed between two runs: every judged strength, paired, the worst change first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from antibench.baseline import read_results
from antibench.compare import Change, Comparison, compare
from antibench.report.comparison import name_of, verdict_of
from antibench.report.html import charts
from antibench.report.html.figures import Figure
from antibench.report.html.reading import without_paths
from antibench.report.numbers import DASH, number, with_interval
from antibench.report.table import Table
from antibench.runfiles import Run


@dataclass(frozen=True)
class Comparing:
    """A comparison, ready for the page.

    Attributes:
        before, after: What the two runs are called.
        verdict: In a sentence.
        weaker: Whether a protection got weaker.
        table: The changes, worst first.
        figure: The same, drawn; None if no change has an interval.
        lists: (name, lines) of what failed, is gone or new.
        notes: What else was said.
    """

    before: str
    after: str
    verdict: str
    weaker: bool
    table: Table
    figure: Figure | None
    lists: Sequence[tuple[str, Sequence[str]]]
    notes: Sequence[str]


def comparings(folders: Sequence[Path]) -> list[Comparing]:
    """The first run against each later one.

    Raises:
        UserError: two of them do not compare.
    """
    read = [(folder.resolve().name, read_results(folder)) for folder in folders]
    return [_comparing(index, read[0], later) for index, later in enumerate(read[1:], start=1)]


def _comparing(index: int, first: tuple[str, Run], later: tuple[str, Run]) -> Comparing:
    (before, a), (after, b) = first, later
    found = compare(a.header, a.cells, b.header, b.cells)
    changed = worst_first(found)
    lists = (("Failed in the later run, scored before", found.failed), ("Gone", found.gone), ("New", found.new))
    return Comparing(
        before,
        after,
        verdict_of(found),
        bool(found.of("weaker")),
        _table(found, changed),
        _figure(index, changed, found.metric),
        [(name, without_paths(list(lines))) for name, lines in lists if lines],
        without_paths(list(found.notes)),
    )


def worst_first(found: Comparison) -> list[Change]:
    """Every change from the greatest loss to the greatest gain, those without a number last."""
    return sorted(found.changes, key=lambda change: change.interval.estimate if change.interval else float("inf"))


def _table(found: Comparison, changed: Sequence[Change]) -> Table:
    body = []
    for change in changed:
        interval = change.interval
        told = with_interval(interval.estimate, interval.low, interval.high) if interval else DASH
        body.append(
            [
                name_of(change),
                change.verdict if change.judged else f"({change.verdict})",
                number(change.before),
                number(change.after),
                told,
                str(interval.photos) if interval else "0",
                str(without_paths(change.reason or "")),
            ]
        )
    title = f"Changes of strength by {found.metric}, worst first; verdicts in brackets do not count"
    return Table(title, ["what", "verdict", "before", "after", "change", "photos", "why"], body, left=2)


def _figure(index: int, changed: Sequence[Change], metric: str) -> Figure | None:
    values: list[dict[str, Any]] = [
        {
            "name": name_of(change),
            "change": change.interval.estimate,
            "low": change.interval.low,
            "high": change.interval.high,
            "verdict": change.verdict,
        }
        for change in changed
        if change.interval is not None and change.judged
    ]
    if not values:
        return None
    caption = (
        f"Change of strength by {metric} with its 95% interval over paired photos, worst first; left of 0 is weaker."
    )
    body = [
        [item["name"], item["verdict"], with_interval(item["change"], item["low"], item["high"])] for item in values
    ]
    table = Table("Changes", ["what", "verdict", "change"], body, left=2)
    spec = charts.changes(values, [item["name"] for item in values])
    return Figure(f"figure-changes-{index}", "Changes", caption, spec, table)
