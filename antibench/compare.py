"""Two runs held against each other: did a protection get weaker by more than the noise explains?

Everything is paired: by protection, surrogate, target, budget and purification, then by photo. Only seeds that both
runs have are used; if they share none, each run's own means over seeds are paired by photo. A change is B - A.

Two numbers of each protection are judged, the strength without purification and the worst case. One is *weaker* if the
95% interval of its change lies wholly below -tolerance, and if that also holds after Holm's correction over all that
could be weaker (one-sided, 5% for the whole comparison), so that a suite with many protections raises no more false
alarms. Only what A has can be lost: a number of A that is not known to exceed the tolerance, such as what is left under
a purification that leaves nothing, is told and does not count.

With `each` the strength under every purification is judged too, as the pytest plugin does. Holm's correction then
counts all that A could lose, so that a verdict does not depend on how much of the suite B ran.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from antibench.errors import ExitCode, NothingComparedError, UserError
from antibench.scores import Group, Line, Place, Scores
from antibench.stats import FAMILY_ERROR, Interval, Statistic, holm, t_tail
from antibench.strength import Effects, Measured, Strengths, measure, minus, ratio, worst
from antibench.tolerance import TOLERANCE

Verdict: TypeAlias = Literal["weaker", "stronger", "same", "unsure", "unknown"]
"""unsure: weaker alone, but not after Holm's correction, or with nothing to lose; unknown: no interval."""
Missing: TypeAlias = Literal["fail", "new", "ignore"]
Build: TypeAlias = Callable[[list[Effects]], Statistic]

WORST = "worst case"


@dataclass
class Change:
    """One strength in both runs."""

    group: Group
    over: str
    """A purification's label, or `WORST`."""
    before: float | None
    after: float | None
    interval: Interval | None
    """Of after - before, over the paired photos."""
    reason: str | None
    verdict: Verdict = "unknown"
    judged: bool = False
    losable: bool = False
    """Whether A's strength is known to exceed the tolerance (95%)."""
    interval_before: Interval | None = None
    """Of `before`, over the same photos as `interval`."""
    interval_after: Interval | None = None

    def beyond(self, tolerance: float, sign: float) -> bool:
        """Whether the whole interval of the change lies beyond the tolerance, in the direction of `sign`."""
        if self.interval is None or self.interval.low is None or self.interval.high is None:
            return False
        return (self.interval.low if sign > 0 else -self.interval.high) > tolerance


@dataclass
class Comparison:
    """What `compare` found."""

    metric: str
    tolerance: float
    missing: Missing
    photos: int
    changes: list[Change]
    lost: dict[Place, str] = field(default_factory=dict)
    """Where scores are ok in A and not in B, and what is said of it."""
    gone: list[str] = field(default_factory=list)
    """What only A planned."""
    new: list[str] = field(default_factory=list)
    """What only B planned."""
    notes: list[str] = field(default_factory=list)

    def of(self, verdict: Verdict) -> list[Change]:
        """The judged changes with this verdict."""
        return [change for change in self.changes if change.judged and change.verdict == verdict]

    @property
    def failed(self) -> list[str]:
        """Scores that are ok in A and not in B."""
        return list(self.lost.values())

    @property
    def exit_code(self) -> ExitCode:
        """Weaker before failed: a loss that is known stays known, whatever else is missing."""
        if self.of("weaker"):
            return ExitCode.WEAKER
        lost = self.failed or (self.gone and self.missing != "ignore")
        return ExitCode.CELLS_FAILED if lost else ExitCode.FINE


def compare(
    header_a: Mapping[str, Any],
    cells_a: Iterable[Line],
    header_b: Mapping[str, Any],
    cells_b: Iterable[Line],
    *,
    tolerance: float = TOLERANCE,
    missing: Missing = "fail",
    metric: str | None = None,
    each: bool = False,
) -> Comparison:
    """Compare run B with run A.

    Args:
        header_a, cells_a, header_b, cells_b: As for `antibench.summary.summarise`.
        tolerance: Loss of strength that is accepted.
        missing: What B lacks altogether is an error ("fail", "new") or only told ("ignore").
        metric: Default A's headline.
        each: Judge the strength under every purification too.

    Raises:
        UserError: the runs are of different worlds, models or metric versions.
        NothingComparedError: no strength has an interval in both, though nothing failed.
    """
    chosen = metric or header_a["headline"]
    _check_comparable(header_a, header_b, chosen)
    cases = sorted(set(header_a["cases"]) & set(header_b["cases"]))
    if not cases:
        raise NothingComparedError("nothing compared: the runs have no photo in common")
    shared = sorted(set(header_a["seeds"]) & set(header_b["seeds"]))
    a = Scores({**header_a, "cases": cases, "seeds": shared or header_a["seeds"]}, cells_a)
    b = Scores({**header_b, "cases": cases, "seeds": shared or header_b["seeds"]}, cells_b)
    found = Comparison(chosen, tolerance, missing, len(cases), [])
    if not shared:
        found.notes.append("the runs share no seed: photos are paired by their means over each run's seeds")
    _add_differences_of_plan(found, a, b, header_a, header_b)
    for group in _judged_groups(a, b, chosen):
        found.changes += _changes(Strengths(a, chosen, group), Strengths(b, chosen, group), each, tolerance)
    _judge(found, _losable(a, chosen, tolerance) if each else 0)
    if all(change.verdict == "unknown" for change in found.changes if change.judged) and not found.failed:
        reason = next((change.reason for change in found.changes if change.reason), "no protection is in both runs")
        raise NothingComparedError(f"nothing compared by {chosen}: {reason}")
    return found


def _check_comparable(a: Mapping[str, Any], b: Mapping[str, Any], metric: str) -> None:
    if a["world"] != b["world"]:
        raise UserError(
            f"the runs are of different worlds, {a['world']} and {b['world']}; their numbers do not compare"
        )
    for kind, name in [("metrics", metric), *(("models", model["name"]) for model in a["models"])]:
        versions = [{item["name"]: item["version"] for item in header[kind]} for header in (a, b)]
        if name not in versions[0] or (kind == "metrics" and name not in versions[1]):
            where = "A" if name not in versions[0] else "B"
            raise UserError(f"run {where} has no metric {name!r} (it has: {', '.join(versions[where == 'B'])})")
        if name in versions[1] and versions[0][name] != versions[1][name]:
            raise UserError(
                f"{name} is version {versions[0][name]} in A and {versions[1][name]} in B; run the older one again"
            )
    ran = [{item["name"]: item.get("local_weights", "pinned") for item in header["models"]} for header in (a, b)]
    for name, weights in ran[0].items():
        if ran[1].get(name, weights) != weights:
            raise UserError(f"{name} has other weights in A than in B (`--weights`); their numbers do not compare")
    purified = [header.get("purification_weights", {}) for header in (a, b)]
    for name in sorted({*purified[0], *purified[1]}):
        used = [any(label.startswith(f"{name}(") for label in header["purifications"]) for header in (a, b)]
        if all(used) and purified[0].get(name) != purified[1].get(name):
            raise UserError(f"{name} has other weights in A than in B (`--weights`); their numbers do not compare")


def _judged_groups(a: Scores, b: Scores, metric: str) -> list[Group]:
    """The protections, without controls and degenerate participants, that both runs planned."""
    return [
        group
        for group in a.groups("video")
        if a.roles[group.protection] == "protection"
        and all(scores.has(Place(metric, group, "none")) for scores in (a, b))
    ]


def _losable(a: Scores, metric: str, tolerance: float) -> int:
    """How many strengths of A's protections can be lost, of each under every purification and of its worst case."""
    found = 0
    for group in a.groups("video"):
        if a.roles[group.protection] == "protection":
            strengths = Strengths(a, metric, group)
            measured = [strengths.worst_case(), *(strengths.strength(name) for name in strengths.effects)]
            found += sum(_exceeds(item, tolerance) for item in measured)
    return found


def _exceeds(measured: Measured, tolerance: float) -> bool:
    """Whether a strength is known to be more than the tolerance."""
    return measured.interval is not None and measured.interval.low is not None and measured.interval.low > tolerance


def _changes(a: Strengths, b: Strengths, each: bool, tolerance: float) -> list[Change]:
    """The change of the worst case over the purifications of both runs, and under each of them."""
    both = [purification for purification in a.effects if purification in b.effects]
    seen = [purification for purification in both if purification in a.sighted and purification in b.sighted]
    found = [_change(a, b, WORST, seen or both, worst, tolerance)]
    found += [_change(a, b, name, [name], lambda effects: ratio(effects[0]), tolerance) for name in both]
    for change in found:
        change.judged = each or change.over in (WORST, "none")
    return found


def _change(a: Strengths, b: Strengths, over: str, purifications: list[str], build: Build, tolerance: float) -> Change:
    alone = [strengths.over(purifications, build) for strengths in (a, b)]
    for measured in alone:
        if measured.interval is None:
            return Change(a.group, over, None, None, None, measured.reason)
    count = len(purifications)

    def first(effects: list[Effects]) -> Statistic:
        return build(effects[:count])

    def second(effects: list[Effects]) -> Statistic:
        return build(effects[count:])

    def difference(effects: list[Effects]) -> Statistic:
        return minus(second(effects), first(effects))

    paired = [strengths.effects[name] for strengths in (a, b) for name in purifications]
    before, after, interval = (measure(paired, statistic) for statistic in (first, second, difference))
    if before is None or interval is None:
        return Change(a.group, over, None, None, None, "no photo has all its scores in both runs")
    reason = "an interval needs two photos" if interval.low is None else None
    found = Change(a.group, over, before.estimate, before.estimate + interval.estimate, interval, reason)
    found.interval_before, found.interval_after = before, after
    found.losable = _exceeds(alone[0], tolerance)
    return found


def _judge(found: Comparison, family: int) -> None:
    """Give every change its verdict; `family` is how many Holm's correction counts, if more than can be lost here."""
    for change in found.changes:
        if change.interval is not None and change.interval.low is not None:
            change.verdict = "stronger" if change.beyond(found.tolerance, 1) else "same"
            if change.beyond(found.tolerance, -1):
                change.verdict = "weaker"
    judged = [change for change in found.changes if change.judged and change.verdict != "unknown"]
    for change in judged:
        if change.verdict == "weaker" and not change.losable:
            change.verdict = "unsure"
            change.reason = "weaker alone, but A's strength is not known to exceed the tolerance: nothing to lose"
    tested = [change for change in judged if change.losable]
    p_values = [_p_weaker(change, found.tolerance) for change in tested]
    p_values += [1.0] * (family - len(tested))
    for change, adjusted in zip(tested, holm(p_values), strict=False):
        if change.verdict == "weaker" and adjusted > FAMILY_ERROR:
            change.verdict = "unsure"
            change.reason = f"weaker alone, but not among {len(p_values)} comparisons (p = {adjusted:.3f})"


def _p_weaker(change: Change, tolerance: float) -> float:
    """One-sided p-value of a loss no larger than the tolerance."""
    interval = change.interval
    if interval is None or interval.error is None:
        return 1.0
    loss = -interval.estimate - tolerance
    if interval.error == 0:
        return 0.0 if loss > 0 else 1.0
    return t_tail(loss / interval.error, interval.photos - 1)


def _add_differences_of_plan(
    found: Comparison, a: Scores, b: Scores, header_a: Mapping[str, Any], header_b: Mapping[str, Any]
) -> None:
    """What failed in B, and what only one of the runs planned."""
    only_a = sorted(set(header_a["cases"]) - set(header_b["cases"]))
    only_b = sorted(set(header_b["cases"]) - set(header_a["cases"]))
    found.gone += [f"photo {case}" for case in only_a]
    found.new += [f"photo {case}" for case in only_b]
    for place in a.places():
        if not b.has(place):
            found.gone.append(_described(place))
            continue
        lost = np.isfinite(a.per_photo(place)) & ~np.isfinite(b.per_photo(place))
        if lost.any():
            told = f"{int(lost.sum())} of {len(lost)} photos, {b.why_missing(place)}"
            found.lost[place] = f"{_described(place)}: {told}"
    found.new += [_described(place) for place in b.places() if not a.has(place)]


def _described(place: Place) -> str:
    group = place.group
    computed = f" (computed on {group.surrogate})" if group.surrogate not in (None, group.target) else ""
    on = f" on {group.target}" if group.target else ""
    return f"{place.metric} of {group.protection}{computed}{on} at {group.budget} levels, {place.purification}"
