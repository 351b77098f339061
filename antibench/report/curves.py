"""The tables of budget curves."""

from __future__ import annotations

from collections.abc import Sequence

from antibench.report.numbers import number, plus_minus
from antibench.report.table import Content, Row, Table, cell, labels, model_label

KINDS = (
    ("Strength without purification", "strengths", "strength", "area"),
    ("Worst case", "worst_cases", "worst_case", "worst_area"),
)


def budget_curves(curves: Sequence[Row], target: str) -> list[Table]:
    """Strength and worst case over the budget on a target, with the area under them, largest first."""
    here = [curve for curve in curves if curve["target"] == target]
    found = []
    for title, points, point, area in KINDS:
        if all(curve[area] is None for curve in here):
            continue
        budgets = here[0]["budgets"]
        known = sorted(here, key=lambda curve: _order(curve, area))
        body: list[list[Content]] = [
            [
                labels(curve),
                *(
                    cell({**curve, "budget": budget}, point, number(value))
                    for budget, value in zip(budgets, curve[points], strict=True)
                ),
                cell(curve, area, plus_minus(curve[area], curve[f"{area}_high"])),
                cell(
                    curve,
                    "photos",
                    str(curve["n"]) if curve["complete"] else f"{curve['n']}/{curve['n_planned']} INCOMPLETE",
                ),
            ]
            for curve in known
        ]
        area_is = f"area = its mean from {budgets[0]} to {budgets[-1]} levels"
        title = f"{title} over the budget on {model_label(here[0])}; {area_is}"
        found.append(Table(title, ["protection", *map(str, budgets), "area ↑", "photos"], body))
    return found


def _order(curve: Row, area: str) -> tuple[bool, bool, float]:
    return curve["role"] != "protection", not curve["complete"], -(curve[area] if curve[area] is not None else -1e9)
