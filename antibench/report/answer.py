"""The first line of every report: the answer in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from antibench.report.numbers import band, with_interval

LISTED = 7
"""How many purifications are named; more are counted."""


def answer(summary: Mapping[str, Any]) -> str:
    """Which protection holds best in the worst case, or that none can be told from noise.

    Only complete protections stand for election: no control, no degenerate participant, no group with missing photos.
    Targets that passed their validity gate come before those that did not.
    """
    rows = [row for row in summary["rows"] if row["role"] == "protection" and row["metric"] == summary["headline"]]
    where = f"{summary['world']} world"
    if not rows:
        return f"No protection was scored by {summary['headline']}; {where}"
    complete = [row for row in rows if row["complete"]]
    if not complete:
        row = max(rows, key=lambda item: float(item["n"]))
        return (
            f"No protection was scored on every photo: {row['protection']} on {row['target']} has {row['n']} of "
            f"{row['n_planned']} ({row['reasons'].get('n')}); {where}"
        )
    known = [row for row in complete if row["worst_case"] is not None]
    if not known:
        reason = complete[0]["reasons"].get("worst_case")
        return f"No strength could be computed by {summary['headline']}: {reason}; {where}"
    valid = [row for row in known if row["gate"] in ("passed", "not-applicable")]
    return _elect(valid or known, where)


def _elect(rows: list[Mapping[str, Any]], where: str) -> str:
    """The sentence about the strongest of these rows."""
    beyond = [row for row in rows if row["beyond_noise"]]
    best = max(beyond or rows, key=lambda row: float(row["worst_case"]))
    if best["gate"] != "not-applicable":
        where += f", gate {best['gate']}"
    found = f"{_name(best)}: {_finding(best)}"
    if beyond:
        return f"Strongest protection: {found}; {where}"
    if all(row["beyond_noise"] is None for row in rows):
        return f"Strongest protection, not held against noise: {found}; {where}"
    unpurified = with_interval(best["strength"], best["low"], best["high"])
    return (
        f"No protection is distinguishable from noise in the worst case; the strongest is {found}, "
        f"without purification {unpurified}; {where}"
    )


def _name(row: Mapping[str, Any]) -> str:
    computed = f" (computed on {row['surrogate']})" if row["transfer"] else ""
    return f"{row['protection']}{computed} on {row['target']} at {row['budget']} levels"


def _finding(row: Mapping[str, Any]) -> str:
    strength = with_interval(row["worst_case"], row["worst_low"], row["worst_high"])
    over = ", ".join(row["worst_over"])
    if len(row["worst_over"]) > LISTED:
        over = f"{row['worst_over'][0]} and {len(row['worst_over']) - 1} purifications"
    if row["worst_low"] is None:
        return f"worst-case strength {strength} over {over} (no interval: {row['n']} photo)"
    noise = band(row["noise"]["worst_low"], row["noise"]["worst_high"])
    found = f"worst-case strength {strength} over {over} (noise band {noise})"
    if row["excess_low"] is not None and row["excess_low"] <= 0:
        excess = with_interval(row["excess"], row["excess_low"], row["excess_high"])
        found += f", no more than the damage to the photo itself (excess {excess})"
    return found
