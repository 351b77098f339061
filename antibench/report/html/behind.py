"""From a number of a summary to what it is computed from: its interval, the scores, and what each photo adds.

What `Behind.of` gives is read by the page's script; keys that have nothing to say are left out:

- ``value``, ``low``, ``high``, ``reason``: as in the summary; or ``pair``, the means of clean and protected.
- ``trios``: indices of `Held`; ``notes``: what else is to be said of each, such as its budget.
- ``each``: what each photo adds; ``parts``: more columns beside that, name and values by photo.
- ``counted``: whether each photo counts. ``plain``: place of scores that stand alone, ``metric`` their metric.
- ``costs``: what each photo took. ``choice``: the metric by which each photo's purification is chosen, those there are,
  and what the choice looks at, by purification, then photo. ``others``: addresses of the strengths that it is made of.
- ``ranked``: what a rank is by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from antibench.chosen import choice
from antibench.curves import shares
from antibench.report.html.held import Held
from antibench.report.html.leaderboard import KINDS
from antibench.report.html.reading import Reported
from antibench.report.table import Origin, Row
from antibench.scores import Group, Place
from antibench.stats import Floats
from antibench.strength import Effects, Strengths, finite

Told = dict[str, Any]
CONTROL = "random-sign"
"""What p-values are against."""
AREAS = {"area": "strength", "worst_area": "worst_case"}


class Behind:
    """Finds what is behind the numbers of a run.

    Args:
        run: The run.
        held: Takes the scores.
    """

    def __init__(self, run: Reported, held: Held) -> None:
        self._run, self._scores, self._held = run, run.scores, held
        self._strengths = cache(partial(Strengths, run.scores))
        self._finders: dict[str, Callable[[Row, str], Told]] = {
            **dict.fromkeys(KINDS, self._of_kind),
            **dict.fromkeys(("best_of", "adaptive_purifier"), self._chosen),
            **dict.fromkeys(AREAS, self._area),
            **dict.fromkeys(("seconds", "peak_mib"), self._cost),
            "after": self._after,
            "retained_after": self._retained_after,
            "p_adjusted": self._p,
            "rank": self._rank,
            "means": self._means,
            "floor": self._floor,
            "own_input": self._own_input,
            "seen": self._seen,
            "fidelity": self._fidelity,
            "photos": self._photos,
        }

    def of(self, row: Row, origin: Origin) -> Told:
        """What is behind a number.

        Args:
            row: Of the summary, or a curve of it.
            origin: Which of its numbers.
        """
        found = self._finders[origin.quantity](row, origin.part or origin.quantity)
        return {key: value for key, value in found.items() if value is not None}

    # ---- the kinds of numbers ----

    def _of_kind(self, row: Row, key: str) -> Told:
        strengths = self._of_row(row)
        found = _interval(row, *KINDS[key])
        if key == "strength":
            return {**found, "trios": [self._held.trio(strengths, "none")]}
        if key == "excess":
            return {**found, **self._excess(row, strengths)}
        told: Told = {**found, "trios": self._all(strengths)}
        if key == "worst_case" and row["worst_case"] is not None:
            told["each"] = _plain(_weakest(strengths, strengths.sighted))
        return told

    def _excess(self, row: Row, video: Strengths) -> Told:
        name = self._scores.metrics[row["metric"]].photo_twin
        photo = None if name is None or name not in self._scores.metrics else self._unaimed(name, row)
        trios = [self._held.trio(item, "none") for item in (video, photo) if item is not None]
        if photo is None or row["excess"] is None:
            return {"trios": trios}
        ours, theirs = _each([video.effects["none"], photo.effects["none"]])
        return {"trios": trios, "each": _plain(ours - theirs)}

    def _after(self, row: Row, purification: str) -> Told:
        item = next((item for item in row["purifications"] if item["purification"] == purification), None)
        if item is None:
            return {"reason": f"the suite does not show it under {purification}"}
        return {**_interval(item, *KINDS["strength"]), "trios": [self._held.trio(self._of_row(row), purification)]}

    def _retained_after(self, row: Row, purification: str) -> Told:
        item = next(item for item in row["purifications"] if item["purification"] == purification)
        trios = [self._held.trio(self._of_row(row), name) for name in ("none", purification)]
        return {**_interval(item, *KINDS["retained"]), "trios": trios}

    def _chosen(self, row: Row, key: str) -> Told:
        strengths = self._of_row(row)
        told: Told = {**_interval(row, key, f"{key}_low", f"{key}_high"), "trios": self._all(strengths)}
        found = choice(strengths, key)
        if found is None or row[key] is None:
            return told
        usable = np.flatnonzero(found.usable)
        effects = [strengths.effects[name] for name in strengths.sighted]
        by_purification = [item.moved / item.span[found.usable].mean() for item in effects]
        each, names = np.full(len(found.usable), np.nan), [""] * len(found.usable)
        for photo, taken in zip(usable.tolist(), found.taken.tolist(), strict=True):
            each[photo], names[photo] = by_purification[taken][photo], strengths.sighted[taken]
        costs = [_plain(np.round(line, 4)) for line in found.costs]
        seen = {"metric": found.metric, "purifications": strengths.sighted, "costs": costs}
        return {**told, "each": _plain(each), "parts": [["chosen", names]], "choice": seen}

    def _p(self, row: Row, _: str) -> Told:
        if row["p_value"] is None:
            return {"reason": "only protections of which two photos have a worst case are tested"}
        own = self._of_row(row)
        control = self._strengths(row["metric"], Group(CONTROL, None, row["target"], row["budget"]))
        shown = list(own.effects)
        weakest = [item.worst_per_photo(shown) for item in (own, control)]
        parts = [[str(row["protection"]), _plain(weakest[0])], [CONTROL, _plain(weakest[1])]]
        trios = [self._held.trio(item, name) for item in (own, control) for name in shown]
        notes = [str(row["protection"])] * len(shown) + [CONTROL] * len(shown)
        each = _plain(weakest[0] - weakest[1])
        return {"value": row["p_adjusted"], "each": each, "parts": parts, "trios": trios, "notes": notes}

    def _rank(self, row: Row, by: str) -> Told:
        if row["ranks"][by] is None:
            return {"reason": row["reasons"].get("ranks") or row["reasons"].get(by)}
        return {"ranked": by}

    def _means(self, row: Row, _: str) -> Told:
        return self._paired(row["means"], self._of_row(row))

    def _floor(self, row: Row, _: str) -> Told:
        strengths = self._of_row(row)
        reason = None if row["means"]["floor"] is not None else self._scores.why_missing(strengths.floor("none"))
        return {"value": row["means"]["floor"], "reason": reason, "trios": [self._held.trio(strengths, "none")]}

    def _own_input(self, row: Row, metric: str) -> Told:
        return self._paired(row["own_input"], self._strengths(metric, _group(row)))

    def _seen(self, row: Row, metric: str) -> Told:
        means = row["photo_means"].get(metric)
        if means is None:
            return {"reason": "not measured: nothing is changed in the photo"}
        return self._paired(means, self._unaimed(metric, row))

    def _paired(self, means: Row, strengths: Strengths) -> Told:
        trios = [self._held.trio(strengths, "none")]
        if means["protected"] is None:
            places = (strengths.place("none"), strengths.reference("none"))
            return {"reason": self._scores.why_missing(*places), "trios": trios}
        return {"pair": [means["clean"], means["protected"]], "trios": trios}

    def _fidelity(self, row: Row, metric: str) -> Told:
        unaimed = Group(row["protection"], row["surrogate"], None, row["budget"])
        place = self._held.place(Place(metric, unaimed, "none"))
        value = row["fidelity"].get(metric)
        if place is None:
            return {"reason": "not measured: nothing is changed in the photo"}
        reason = None if value is not None else self._scores.why_missing(Place(metric, unaimed, "none"))
        return {"value": value, "reason": reason, "plain": place, "metric": self._held.metric(metric)}

    def _cost(self, row: Row, key: str) -> Told:
        same = ("protection", "surrogate", "budget")
        lines = [line for line in self._run.run.costs if all(line[name] == row[name] for name in same)]
        taken = {line["case"]: line[key] for line in lines}
        reason = None if row[key] is not None else "nothing was made that took it, or it was not recorded"
        ends = {end: row[f"{key}_{end}"] for end in ("low", "high")}
        return {"value": row[key], **ends, "reason": reason, "costs": [taken.get(case) for case in self._scores.cases]}

    def _photos(self, row: Row, _: str) -> Told:
        groups = [self._of_row(row)] if "budget" in row else self._over_budgets(row)
        places = [place for strengths in groups for place in strengths.needed]
        planned = all(self._scores.has(strengths.place("none")) for strengths in groups)
        counted = [int(ok) for ok in self._scores.scored(*places)] if planned else [0] * len(self._scores.cases)
        reason = row["reasons"].get("n") or (None if row["complete"] else self._scores.why_missing(*places))
        return {"value": row["n"], "reason": reason, "counted": counted, **self._trios_over(groups, self._shown)}

    def _area(self, curve: Row, key: str) -> Told:
        told = _interval(curve, key, f"{key}_low", f"{key}_high")
        groups = [item for item in self._over_budgets(curve) if self._scores.has(item.place("none"))]
        names = self._shown if AREAS[key] == "worst_case" else _unpurified
        told |= self._trios_over(groups, names)
        if curve[key] is None:
            return told
        counting = _sighted if AREAS[key] == "worst_case" else _unpurified
        seen = [counting(item) for item in groups]
        effects = [item.effects[name] for item, kept in zip(groups, seen, strict=True) for name in kept]
        strengths = iter(_each(effects))
        points = [np.min([next(strengths) for _ in kept], axis=0) for kept in seen]
        each = np.einsum("b,bn->n", shares(curve["budgets"]), np.stack(points))
        parts = [[f"{item.group.budget} levels", _plain(point)] for item, point in zip(groups, points, strict=True)]
        return {**told, "each": _plain(each), "parts": parts}

    # ---- groups and their scores ----

    def _of_row(self, row: Row) -> Strengths:
        return self._strengths(row["metric"], _group(row))

    def _unaimed(self, metric: str, row: Row) -> Strengths:
        """Of the photo itself, whatever animates it."""
        return self._strengths(metric, Group(row["protection"], row["surrogate"], None, row["budget"]))

    def _over_budgets(self, curve: Row) -> list[Strengths]:
        return [self._of_row({**curve, "budget": budget}) for budget in curve["budgets"]]

    def _shown(self, strengths: Strengths) -> list[str]:
        names = self._run.header["purifications"]
        return [name for name in names if self._scores.has(strengths.place(name))]

    def _all(self, strengths: Strengths) -> list[int]:
        return [self._held.trio(strengths, name) for name in self._shown(strengths)]

    def _trios_over(self, groups: Sequence[Strengths], names: Callable[[Strengths], Iterable[str]]) -> Told:
        """The trios of several groups, with their budgets where there are several."""
        shown = [(item, name) for item in groups for name in names(item)]
        told: Told = {"trios": [self._held.trio(item, name) for item, name in shown]}
        return {**told, "notes": [f"{item.group.budget} levels" for item, _ in shown]} if len(groups) > 1 else told


def _unpurified(_: Strengths) -> list[str]:
    return ["none"]


def _sighted(strengths: Strengths) -> list[str]:
    return strengths.sighted


def _group(row: Row) -> Group:
    return Group(row["protection"], row["surrogate"], row["target"], row["budget"])


def _interval(row: Row, value: str, low: str, high: str) -> Told:
    reasons = row["reasons"]
    return {"value": row[value], "low": row[low], "high": row[high], "reason": reasons.get(value) or reasons.get(low)}


def _weakest(strengths: Strengths, purifications: Sequence[str]) -> Floats:
    """(photos,) the least of each photo's strengths."""
    return np.asarray(np.min(_each([strengths.effects[name] for name in purifications]), axis=0))


def _each(effects: Sequence[Effects]) -> list[Floats]:
    """Each photo's strength in each of some effects, D over the photos that have them all; NaN for the others."""
    usable = finite(list(effects))
    if not usable.any():
        return [np.full(len(item.moved), np.nan) for item in effects]
    return [np.where(usable, item.moved / item.span[usable].mean(), np.nan) for item in effects]


def _plain(values: Floats) -> list[float | None]:
    return [round(float(value), 6) + 0.0 if np.isfinite(value) else None for value in values]
