"""A comparison of two runs as text or JSON."""

from __future__ import annotations

from typing import Any

from antibench.compare import Change, Comparison
from antibench.errors import ExitCode
from antibench.report.numbers import number, with_interval
from antibench.report.table import Table
from antibench.report.terminal import print_tables
from antibench.scores import Group

LISTED = 5
"""How many names of a list are printed."""


def comparison_text(found: Comparison, width: int | None = None) -> str:
    """The verdict in the first line, then what got weaker or stronger, what failed, and every change."""
    lines = [verdict_of(found)]
    lines += [f"Weaker: {_sentence(change)}" for change in found.of("weaker")]
    lines += [f"Stronger: {_sentence(change)}; consider a new baseline" for change in found.of("stronger")]
    lines += _listed("Failed in B, scored in A", found.failed)
    lines += _listed("Only in A", found.gone)
    lines += _listed("New in B", found.new)
    lines += found.notes
    lines += [f"{name_of(change)}: {change.reason}" for change in found.changes if change.judged and change.reason]
    return print_tables(lines, [_table(found)] if found.changes else [], [], width)


def comparison_json(found: Comparison) -> dict[str, Any]:
    """The comparison as JSON types."""
    return {
        "metric": found.metric,
        "tolerance": found.tolerance,
        "exit_code": int(found.exit_code),
        "photos": found.photos,
        "changes": [_change_json(change) for change in found.changes],
        "failed": found.failed,
        "gone": found.gone,
        "new": found.new,
        "notes": found.notes,
    }


def _change_json(change: Change) -> dict[str, Any]:
    interval = change.interval
    return {
        **change.group._asdict(),
        "over": change.over,
        "before": change.before,
        "after": change.after,
        "change": interval.estimate if interval else None,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "before_low": change.interval_before.low if change.interval_before else None,
        "before_high": change.interval_before.high if change.interval_before else None,
        "after_low": change.interval_after.low if change.interval_after else None,
        "after_high": change.interval_after.high if change.interval_after else None,
        "photos": interval.photos if interval else 0,
        "judged": change.judged,
        "verdict": change.verdict,
        "reason": change.reason,
    }


def verdict_of(found: Comparison) -> str:
    """The comparison in a sentence."""
    weaker = len(found.of("weaker"))
    judged = sum(change.judged and change.verdict != "unknown" for change in found.changes)
    scope = f"{judged} strengths by {found.metric}, {found.photos} photos, tolerance {number(found.tolerance)}"
    if weaker:
        return f"Protection got weaker in {weaker} of {scope}"
    if found.exit_code == ExitCode.CELLS_FAILED:
        return f"No protection is known to be weaker, but scores of A are lost in B ({scope})"
    return f"No protection got weaker beyond the tolerance ({scope})"


def _sentence(change: Change) -> str:
    interval = change.interval
    difference = with_interval(interval.estimate, interval.low, interval.high) if interval else "unknown"
    return f"{name_of(change)}, {number(change.before)} → {number(change.after)} (change {difference})"


def name_of(change: Change) -> str:
    """What changed, in words."""
    over = change.over if change.over == "worst case" else f"under {change.over}"
    return f"{group_name(change.group)}, {over}"


def group_name(group: Group) -> str:
    """A group in words."""
    computed = f" (computed on {group.surrogate})" if group.surrogate not in (None, group.target) else ""
    return f"{group.protection}{computed} on {group.target} at {group.budget} levels"


def _listed(title: str, names: list[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return [f"{title}: {'; '.join(names[:LISTED])}{more}"]


def _table(found: Comparison) -> Table:
    body = []
    for change in found.changes:
        group, interval = change.group, change.interval
        computed = f" from {group.surrogate}" if group.surrogate not in (None, group.target) else ""
        body.append(
            [
                f"{group.protection}{computed}",
                str(group.target),
                str(group.budget),
                change.over,
                number(change.before),
                number(change.after),
                with_interval(interval.estimate, interval.low, interval.high) if interval else number(None),
                change.verdict if change.judged else f"({change.verdict})",
            ]
        )
    columns = ["protection", "on", "levels", "over", "A", "B", "B - A", "verdict"]
    return Table(f"Strength by {found.metric}; verdicts in brackets do not count", columns, body)
