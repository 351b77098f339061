"""The lines around the tables: which world, how valid, how complete, and why a number is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from antibench.report.numbers import band, number

LISTED = 6
"""Rows that are named beside a reason; one more than that is named as well."""


def preamble(summary: Mapping[str, Any]) -> list[str]:
    """The lines between the answer and the tables."""
    gates = ", ".join(f"{model['name']}: gate {model['gate']}" for model in summary["models"])
    cells = summary["cells"]
    states = ("ok", "failed", "skipped", "over_budget", "missing")
    counts = ", ".join(f"{cells[state]} {state.replace('_', '-')}" for state in states if cells[state] or state == "ok")
    noise = summary["noise"]
    detectable = summary["smallest_detectable"]
    suite = f"{summary['suite']}@{summary['suite_version']}"
    memory = summary.get("peak_mib")  # older summaries have none
    return [
        f"Suite {suite}, {summary['world']} world ({gates}), level {summary['level']}",
        f"{summary['photos']} photos; {cells['planned']} scores: {counts}",
        f"Noise band of {summary['headline']}: {band(noise['low'], noise['high'])}"
        + ("" if noise["worst_low"] is None else f", in the worst case {band(noise['worst_low'], noise['worst_high'])}")
        + ("" if detectable is None else f"; smallest detectable effect {number(detectable)}"),
        *([] if memory is None else [f"Peak memory of all processes together: {number(memory, 0)} MiB"]),
    ]


def footnotes(summary: Mapping[str, Any], metric: str | None = None) -> list[str]:
    """Why numbers are missing, each reason once."""
    chosen = metric or summary["headline"]
    found: dict[tuple[str, str], list[str]] = {}
    for row in summary["rows"]:
        if row["metric"] == chosen:
            for reason, fields in _by_reason(row).items():
                found.setdefault((", ".join(fields), reason), []).append(f"{row['protection']} on {row['target']}")
    return _adaptive(summary, chosen) + [
        f"{fields}: {reason} ({_counted(list(dict.fromkeys(rows)))})" for (fields, reason), rows in found.items()
    ]


def _counted(names: list[str]) -> str:
    """The first names, and how many more; `show --json` has the reasons of every row."""
    more = len(names) - LISTED
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:LISTED])} and {more} more"


def _adaptive(summary: Mapping[str, Any], metric: str) -> list[str]:
    """Which protections were made through a purification of the run: against it they had an advantage."""
    found = {
        row["protection"]: ", ".join(row["adaptive"])
        for row in summary["rows"]
        if row["metric"] == metric and row.get("adaptive")
    }
    return [f"adaptive: {protection} was made through {names}" for protection, names in found.items()]


def _by_reason(row: Mapping[str, Any]) -> dict[str, list[str]]:
    """What a row lacks, by reason; of a control only whether photos are lost."""
    found: dict[str, list[str]] = {}
    for field, reason in row["reasons"].items():
        if field == "ranks":
            continue  # it follows from what the tables say: role, gate, lost photos, no strength
        if field == "n":
            found.setdefault(reason, []).append("incomplete")
        elif row["role"] != "control":
            found.setdefault(reason, []).append(f"no {field.replace('_', ' ')}")
    return found
