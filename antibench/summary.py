"""What a run says: strengths with intervals, the noise they are held against, fidelity and cost.

`docs/statistics.md` defines every number; `docs/formats.md` holds the contract of the keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from antibench.curves import curves
from antibench.ranking import add_ranks
from antibench.report.answer import answer
from antibench.rows import NO_NOISE, Noise, Row, metric_row
from antibench.scores import Group, Line, Place, Scores
from antibench.stats import holm, median_interval, sign_flip_p
from antibench.strength import Strengths

SCHEMA = 2
ROLE_ORDER = ("protection", "control", "degenerate")
FROM_HEADER = ("suite", "suite_version", "world", "level", "headline", "metrics", "models", "budgets", "seeds")


def summarise(
    header: Mapping[str, Any], cells: Iterable[Line], costs: Iterable[Line], peak_mib: float | None = None
) -> dict[str, Any]:
    """The summary of a run, ready for JSON.

    Args:
        header: The header of plan.json.
        cells: Lines of cells.jsonl in any order. A planned score that has no line yet may be given with the status
            "missing"; it counts as planned, and its photo as not scored.
        costs: Lines of costs.jsonl.
        peak_mib: Peak memory of the whole run, if it was recorded.

    Raises:
        UserError: lines contradict each other or the header.
    """
    scores = Scores(header, cells)
    spent = _spent(costs)
    noises = {metric: Noise(scores, metric) for metric in scores.metrics}
    rows = [
        {**row, "fidelity": fidelity, **spent.get(_unaimed(group), NO_COST)}
        for group in scores.groups("video")
        if scores.roles[group.protection] in ROLE_ORDER
        for fidelity in [_fidelity(scores, group)]
        for metric in scores.metrics
        for row in [metric_row(scores, metric, group, noises[metric])]
        if row is not None
    ]
    headline = header["headline"]
    order = list(scores.metrics)
    rows.sort(key=lambda row: _rank(row, [headline, *(name for name in order if name != headline)]))
    summary: dict[str, Any] = {
        "schema": SCHEMA,
        **{key: header[key] for key in FROM_HEADER},
        "photos": len(scores.cases),
        "purifications": list(header["purifications"]),
        "cells": scores.counts(),
        "peak_mib": peak_mib,
        "noise": noises[headline].bands() if headline in noises else NO_NOISE,
        "smallest_detectable": _smallest_detectable(rows, headline),
        "rows": rows,
        "curves": curves(scores, rows),
    }
    _add_p_values(scores, headline, rows)
    add_ranks(scores, rows)
    rounded: dict[str, Any] = _rounded(summary)
    return {**rounded, "answer": answer(rounded)}


SPENT = ("seconds", "peak_mib")
NO_COST: dict[str, float | None] = {f"{name}{end}": None for name in SPENT for end in ("", "_low", "_high")}


def _unaimed(group: Group) -> tuple[str, str | None, int]:
    return group.protection, group.surrogate, group.budget


def _spent(costs: Iterable[Line]) -> dict[tuple[str, str | None, int], dict[str, float | None]]:
    """Median seconds and peak memory per protected photo, with their intervals over photos."""
    lines: dict[tuple[str, str | None, int], dict[str, Line]] = {}
    for line in costs:
        lines.setdefault((line["protection"], line["surrogate"], int(line["budget"])), {})[line["case"]] = line
    found = {}
    for key, by_case in lines.items():
        told: dict[str, float | None] = {}
        for name in SPENT:
            known = [line[name] for line in by_case.values() if line[name] is not None]
            told[name], told[f"{name}_low"], told[f"{name}_high"] = median_interval(known)
        found[key] = told
    return found


def _fidelity(scores: Scores, group: Group) -> dict[str, float | None]:
    """Mean over photos of each fidelity metric; null unless every photo has it."""
    unaimed = Group(group.protection, group.surrogate, None, group.budget)
    found = {}
    for facts in scores.metrics.values():
        place = Place(facts.name, unaimed, "none")
        if facts.scope == "fidelity" and scores.has(place):
            mean = float(np.mean(scores.per_photo(place)))
            found[facts.name] = mean if np.isfinite(mean) else None
    return found


def _rank(row: Row, metrics: list[str]) -> tuple[Any, ...]:
    worst = row["worst_case"]
    return (
        metrics.index(row["metric"]),
        ROLE_ORDER.index(row["role"]),
        not row["complete"],
        worst is None,
        -(row["strength"] or 0.0) if worst is None else -worst,
        row["protection"],
        str(row["surrogate"]),
        str(row["target"]),
        row["budget"],
    )


def _smallest_detectable(rows: list[Row], headline: str) -> float | None:
    """The largest, over the controls, of the smallest effect that the headline metric could tell from none."""
    found = [
        row["smallest_detectable"]
        for row in rows
        if row["metric"] == headline and row["role"] == "control" and row["smallest_detectable"] is not None
    ]
    return max(found, default=None)


def _add_p_values(scores: Scores, headline: str, rows: list[Row]) -> None:
    """Paired sign-flip test of each protection's worst case against random-sign; Holm over the headline rows.

    A protection that the suite shows under some purifications only is tested over these, and so is the control.
    """
    tested = []
    for row in rows:
        row["p_value"] = row["p_adjusted"] = None
        if row["metric"] != headline or row["role"] != "protection":
            continue
        own = Strengths(scores, headline, Group(row["protection"], row["surrogate"], row["target"], row["budget"]))
        control = Strengths(scores, headline, Group("random-sign", None, row["target"], row["budget"]))
        shown = list(own.effects)
        differences = own.worst_per_photo(shown) - control.worst_per_photo(shown)
        differences = differences[np.isfinite(differences)]
        if len(differences) >= 2:
            row["p_value"] = sign_flip_p(differences)
            tested.append(row)
    for row, adjusted in zip(tested, holm([row["p_value"] for row in tested]), strict=True):
        row["p_adjusted"] = adjusted


def _rounded(value: Any) -> Any:
    """Six decimals: what rounding of sums may change across machines stays out of the file."""
    if isinstance(value, float):
        return round(value, 6) + 0.0
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value
