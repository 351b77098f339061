"""Budget curves: strength over the budget, and the area under it, where a suite has several budgets.

The area is that under the line through the strengths at the suite's budgets, in levels, divided by the distance of the
first from the last: the mean strength over the budgets between them. Nothing is supposed below the smallest budget. It
is a statistic of the photos like any other: a resample draws the same photos at every budget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from antibench.scores import Group, Scores
from antibench.stats import Floats, Statistic
from antibench.strength import Effects, Measured, Strengths, measure, ratio, worst

Row = dict[str, Any]
KINDS = (("strengths", "area", "strength"), ("worst_cases", "worst_area", "worst_case"))
"""Keys of a curve and of its area, and the key of a row that the points are."""


def shares(budgets: Sequence[int]) -> Floats:
    """(budgets,) weights of the strengths in the area (trapezoidal rule); their sum is 1.

    Args:
        budgets: At least two, rising.
    """
    gaps = np.diff(np.asarray(budgets, dtype=np.float64))
    return np.asarray((np.append(gaps, 0.0) + np.insert(gaps, 0, 0.0)) / (2 * gaps.sum()))


def under(budgets: Sequence[int], build: Callable[[list[Effects]], Statistic], effects: list[Effects]) -> Statistic:
    """The area under a curve.

    Args:
        budgets: At least two, rising.
        build: Makes the strength at a budget of the effects there.
        effects: Those of the first budget, then of the next; as many of each.
    """
    count = len(effects) // len(budgets)
    points = [build(effects[start : start + count]) for start in range(0, len(effects), count)]
    parts = shares(budgets)
    return lambda weights: np.asarray(sum(part * point(weights) for part, point in zip(parts, points, strict=True)))


def curves(scores: Scores, rows: Sequence[Row]) -> list[Row]:
    """A curve for each protection, and control with a budget, on a target by a metric that has a direction.

    Args:
        scores: Of the run.
        rows: Its rows, in the order in which their curves are wanted.
    """
    budgets = sorted(set(scores.header["budgets"]))
    if len(budgets) < 2:
        return []
    found: dict[tuple[str, ...], dict[int, Row]] = {}
    for row in rows:
        if row["budget"] in budgets and scores.metrics[row["metric"]].sign is not None:
            key = tuple(str(row[name]) for name in ("metric", "protection", "surrogate", "target"))
            found.setdefault(key, {})[row["budget"]] = row
    return [_curve(scores, budgets, by_budget) for by_budget in found.values()]


def _curve(scores: Scores, budgets: list[int], rows: dict[int, Row]) -> Row:
    first = next(iter(rows.values()))
    same = ("metric", "protection", "role", "surrogate", "target", "transfer", "gate")
    at = [
        Strengths(scores, first["metric"], Group(first["protection"], first["surrogate"], first["target"], budget))
        for budget in budgets
    ]
    curve: Row = {**{name: first[name] for name in same}, "budgets": budgets, "reasons": {}}
    for (points, name, point), measured in zip(KINDS, (_area(at), _worst_area(at)), strict=True):
        curve[points] = [rows[budget][point] if budget in rows else None for budget in budgets]
        interval = measured.interval
        curve[name], curve[f"{name}_low"], curve[f"{name}_high"] = interval[:3] if interval else (None, None, None)
        if interval is None:
            curve["reasons"][name] = measured.reason
    places = [place for strengths in at for place in strengths.needed]
    planned = all(budget in rows for budget in budgets)
    curve["n"], curve["n_planned"] = int(scores.scored(*places).sum()) if planned else 0, len(scores.cases)
    curve["complete"] = curve["n"] == curve["n_planned"]
    return curve


def _area(at: list[Strengths]) -> Measured:
    """Area under the strength without purification."""
    return _over(at, [["none"] for _ in at], lambda effects: ratio(effects[0]))


def _worst_area(at: list[Strengths]) -> Measured:
    """Area under the worst case."""
    for strengths in at:
        whole = strengths.worst_case()
        if whole.interval is None:
            return _told(strengths, whole)
    return _over(at, [strengths.sighted for strengths in at], worst)


def _over(at: list[Strengths], seen: list[list[str]], build: Callable[[list[Effects]], Statistic]) -> Measured:
    """The area, over the photos that have every score at every budget."""
    for strengths, names in zip(at, seen, strict=True):
        measured = strengths.over(names, build)
        if measured.interval is None:
            return _told(strengths, measured)
    effects = [strengths.effects[name] for strengths, names in zip(at, seen, strict=True) for name in names]
    budgets = [strengths.group.budget for strengths in at]
    interval = measure(effects, lambda usable: under(budgets, build, usable))
    return Measured(interval, None if interval else "no photo has its scores at every budget")


def _told(strengths: Strengths, measured: Measured) -> Measured:
    return Measured(None, f"at {strengths.group.budget} levels: {measured.reason}")
