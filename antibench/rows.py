"""One row of a summary: a protection at a budget, on a target, by one metric."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from antibench.chosen import adaptive, best_of
from antibench.scores import Group, Scores
from antibench.stats import Floats, smallest_detectable
from antibench.strength import Measured, Strengths, excess

Row: TypeAlias = dict[str, Any]


NO_NOISE: dict[str, float | None] = dict.fromkeys(("low", "high", "worst_low", "worst_high"))
"""Both bands of `Noise` where there is no control."""


class Noise:
    """The 95% bands of the controls by one metric: lowest lower to highest upper bound of their intervals.

    There are two, since each number is held against the same number of the controls: `strength` without purification,
    and `worst_case`, which the choice of the purification takes below 0 even where nothing protects.
    """

    def __init__(self, scores: Scores, metric: str) -> None:
        self._bounds: dict[str, list[tuple[Group, float, float]]] = {"strength": [], "worst_case": []}
        for group in scores.groups("video"):
            if scores.roles[group.protection] != "control" or scores.metrics[metric].scope != "video":
                continue
            strengths = Strengths(scores, metric, group)
            measured = {"strength": strengths.strength("none"), "worst_case": strengths.worst_case()}
            for number, (interval, _) in measured.items():
                if interval is not None and interval.low is not None and interval.high is not None:
                    self._bounds[number].append((group, interval.low, interval.high))

    def bands(self, target: str | None = None, budget: int | None = None) -> dict[str, float | None]:
        """Both bands, as a summary has them, over all targets and budgets, or over the controls of one."""
        low, high = self._band("strength", target, budget)
        worst_low, worst_high = self._band("worst_case", target, budget)
        return {"low": low, "high": high, "worst_low": worst_low, "worst_high": worst_high}

    def _band(self, number: str, target: str | None, budget: int | None) -> tuple[float | None, float | None]:
        bounds = [
            (low, high)
            for group, low, high in self._bounds[number]
            if target in (None, group.target) and (budget is None or group.budget in (0, budget))
        ]
        if not bounds:
            return None, None
        return min(low for low, _ in bounds), max(high for _, high in bounds)


def metric_row(scores: Scores, metric: str, group: Group, noise: Noise) -> Row | None:
    """The row of a group by one video metric; None if the group was not planned for it."""
    strengths = Strengths(scores, metric, group)
    if scores.metrics[metric].scope != "video" or not scores.has(strengths.place("none")):
        return None
    twin = _twin(scores, metric, group)
    bands = noise.bands(group.target, group.budget)
    unpurified, worst = strengths.strength("none"), strengths.worst_case()
    row: Row = {
        "protection": group.protection,
        "role": scores.roles[group.protection],
        "surrogate": group.surrogate,
        "target": group.target,
        "transfer": scores.transferred(group),
        "gate": _gate(scores, group.target),
        "metric": metric,
        "budget": group.budget,
        "reasons": {},
        "noise": bands,
        "beyond_noise": _beyond(unpurified, bands["high"])
        if strengths.unplanned
        else _beyond(worst, bands["worst_high"]),
    }
    _put(row, unpurified, "strength", "low", "high")
    _put(row, worst, "worst_case", "worst_low", "worst_high")
    for name, chosen in (("best_of", best_of(strengths)), ("adaptive_purifier", adaptive(strengths))):
        keys = (name, f"{name}_low", f"{name}_high")
        if chosen is None:
            row |= dict.fromkeys(keys)
        else:
            _put(row, chosen, *keys)
    _put(row, _retained(strengths, unpurified, bands["high"]), "retained", "retained_low", "retained_high")
    _put(row, _excess(strengths, twin, "none"), "excess", "excess_low", "excess_high")
    row["error"], row["smallest_detectable"] = _resolution(unpurified)
    row["worst_over"] = strengths.sighted
    needed = strengths.needed
    row["n"], row["n_planned"] = int(scores.scored(*needed).sum()), len(scores.cases)
    row["complete"] = row["n"] == row["n_planned"]
    if not row["complete"]:
        row["reasons"]["n"] = scores.why_missing(*needed)
    row["means"] = _means(strengths, "none")
    row["photo"] = None if twin is None else {"metric": twin.metric, **_means(twin, "none")}
    row["photo_means"] = _photo_means(scores, group)
    row["own_input"] = _own_input(scores, group)
    row["purifications"] = [
        _purified(strengths, twin, name, unpurified, bands["high"])
        for name in scores.header["purifications"]
        if scores.has(strengths.place(name))
    ]
    row["adaptive"] = [name for name in scores.adaptive(group.protection) if scores.has(strengths.place(name))]
    return row


def _twin(scores: Scores, metric: str, group: Group) -> Strengths | None:
    """The strengths of the photo as seen, by the metric's photo twin."""
    name = scores.metrics[metric].photo_twin
    if name is None or name not in scores.metrics:
        return None
    return Strengths(scores, name, Group(group.protection, group.surrogate, None, group.budget))


def _gate(scores: Scores, target: str | None) -> str:
    gates = {model["name"]: str(model["gate"]) for model in scores.header["models"]}
    return gates.get(str(target), "unmeasured")


def _put(row: Row, measured: Measured, name: str, low: str, high: str) -> None:
    """Set a number with its interval, or nulls with the reason."""
    interval = measured.interval
    row[name], row[low], row[high] = (None, None, None) if interval is None else interval[:3]
    if interval is None:
        row["reasons"][name] = measured.reason
    elif interval.low is None:
        row["reasons"][low] = "an interval needs two photos" if interval.photos < 2 else "no finite spread"


def _beyond(measured: Measured, noise: float | None) -> bool | None:
    """Whether the whole interval lies above the upper end of the noise; None if either is unknown."""
    if measured.interval is None or measured.interval.low is None or noise is None:
        return None
    return measured.interval.low > noise


def _retained(
    strengths: Strengths, unpurified: Measured, noise: float | None, purification: str | None = None
) -> Measured:
    beyond = _beyond(unpurified, noise)
    if unpurified.interval is None or beyond:
        return strengths.retained(purification)
    return Measured(
        None,
        "no noise band or interval to hold the strength without purification against"
        if beyond is None
        else "the strength without purification is not beyond the noise",
    )


def _excess(strengths: Strengths, twin: Strengths | None, purification: str) -> Measured:
    if twin is None:
        return Measured(None, "the metric has no photo twin in this run")
    return excess(strengths, twin, purification)


def _resolution(measured: Measured) -> tuple[float | None, float | None]:
    """The standard error, and the smallest effect that it lets one see."""
    interval = measured.interval
    if interval is None or interval.error is None:
        return None, None
    return interval.error, smallest_detectable(interval.error, interval.photos)


def _means(strengths: Strengths, purification: str) -> dict[str, float | None]:
    """Plain means of the metric: protected and clean over the photos that have both, floor over those that have it."""
    protected, clean, floor = (
        strengths.scores.per_photo(place(purification))
        for place in (strengths.place, strengths.reference, strengths.floor)
    )
    both = np.isfinite(protected) & np.isfinite(clean)
    return {"protected": _mean(protected[both]), "clean": _mean(clean[both]), "floor": _mean(floor)}


def _mean(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _photo_means(scores: Scores, group: Group) -> dict[str, dict[str, float | None]]:
    """Means without purification of every metric of the photo as seen."""
    unaimed = Group(group.protection, group.surrogate, None, group.budget)
    found = {}
    for facts in scores.metrics.values():
        strengths = Strengths(scores, facts.name, unaimed)
        if facts.scope == "photo" and scores.has(strengths.place("none")):
            found[facts.name] = _means(strengths, "none")
    return found


def _own_input(scores: Scores, group: Group) -> dict[str, Any] | None:
    """Means of the first metric that holds a video against its own input, if the suite has one."""
    for name in scores.metrics:
        strengths = Strengths(scores, name, group)
        if "-own-input" in name and scores.has(strengths.place("none")):
            return {"metric": name, **_means(strengths, "none")}
    return None


def _purified(
    strengths: Strengths, twin: Strengths | None, purification: str, unpurified: Measured, noise: float | None
) -> Row:
    """The detail of one purification."""
    row: Row = {"purification": purification, "reasons": {}}
    _put(row, strengths.strength(purification), "strength", "low", "high")
    _put(row, _excess(strengths, twin, purification), "excess", "excess_low", "excess_high")
    if purification != "none":
        retained = _retained(strengths, unpurified, noise, purification)
        _put(row, retained, "retained", "retained_low", "retained_high")
    row["n"] = int(strengths.scores.scored(strengths.place(purification)).sum())
    return {**row, **_means(strengths, purification)}
