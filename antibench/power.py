"""Sample sizes: how many photos an effect needs to be shown, and what effect so many photos show.

An effect (a strength, or the difference of two strengths of the same photos) is shown by a two-sided paired t-test:
with n photos, and a standard deviation s of what single photos add to the effect, the test's statistic follows the
noncentral t distribution with n - 1 degrees of freedom and noncentrality ``effect * sqrt(n) / s``. Holm's correction
over k rows asks alpha / k of the row that it looks at first; reckoning with that is enough for every row. The p-values
of a run's summary are of a sign-flip test, which cannot fall below 2 / 2**n, so fewer photos than that allows are never
called enough.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chi2, nct, t

from antibench.errors import NothingComparedError, UserError, closest
from antibench.scores import Group, Scores
from antibench.strength import Effects, Measured, Strengths, measure, minus, ratio, worst

MOST = 10_000_000
"""More photos than that are not looked for."""
WORST = "worst"


@dataclass(frozen=True)
class Design:
    """What is asked of the test.

    Raises:
        UserError: alpha or power is not between 0 and 1, or power is not above alpha.
    """

    power: float = 0.8
    alpha: float = 0.05
    rows: int = 1
    """Rows that Holm's correction goes over."""

    def __post_init__(self) -> None:
        if not 0 < self.alpha < self.power < 1:
            raise UserError(f"power {self.power} and alpha {self.alpha}: they must hold 0 < alpha < power < 1")

    @property
    def level(self) -> float:
        """Alpha for one row."""
        return self.alpha / self.rows

    @property
    def fewest(self) -> int:
        """Photos below which no sign-flip test reaches the level."""
        return max(2, math.ceil(1 - math.log2(self.level) - 1e-9))

    def power_of(self, effect: float, deviation: float, photos: int) -> float:
        """Chance that the t-test shows an effect.

        Args:
            effect: At least 0, in the unit of `deviation`.
            deviation: Standard deviation over photos, above 0.
            photos: At least two.
        """
        freedom, shift = photos - 1, effect * math.sqrt(photos) / deviation
        critical = t.isf(self.level / 2, freedom)
        # The far tail underflows to NaN where it is nothing.
        return float(nct.sf(critical, freedom, shift) + np.nan_to_num(nct.cdf(-critical, freedom, shift)))

    def photos_for(self, effect: float, deviation: float) -> int:
        """The fewest photos that show an effect with the power asked for.

        Raises:
            UserError: that would be more than `MOST`.
        """
        low, high = self.fewest - 1, self.fewest
        while deviation > 0 and self.power_of(effect, deviation, high) < self.power:
            low, high = high, 2 * high
            if high > MOST:
                raise UserError(f"an effect of {effect:g} needs more than {MOST:,} photos (deviation {deviation:.3g})")
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.power_of(effect, deviation, middle) < self.power else (low, middle)
        return high

    def effect_for(self, photos: int, deviation: float) -> float:
        """The smallest effect that so many photos show with the power asked for.

        Raises:
            UserError: no sign-flip test of so few photos reaches the level.
        """
        if photos < self.fewest:
            raise UserError(
                f"{photos} photos show nothing at alpha {self.level:.2g}: their sign-flip test cannot give a p-value "
                f"below 2 / 2**{photos}; at least {self.fewest} photos are needed"
            )
        if deviation == 0:
            return 0.0
        high = 1.0
        while self.power_of(high, 1.0, photos) < self.power:
            high *= 2
        return deviation * float(brentq(lambda effect: self.power_of(effect, 1.0, photos) - self.power, 0.0, high))


@dataclass(frozen=True)
class Pilot:
    """What is known of an effect beforehand: its size in a run, and how much photos differ in it."""

    labels: dict[str, Any]
    """Of the row; none if the deviation was not measured."""
    estimate: float | None
    deviation: float | None
    """Standard deviation of what single photos add to the effect, the share that D has in it included."""
    photos: int | None
    reason: str | None = None

    @property
    def deviations(self) -> tuple[float, float] | None:
        """95% interval of `deviation`, as of Gaussian photos; None if it was not measured."""
        if self.deviation is None or self.photos is None:
            return None
        freedom = self.photos - 1
        low, high = (self.deviation * math.sqrt(freedom / chi2.isf(tail, freedom)) for tail in (0.025, 0.975))
        return low, high


def pilots(
    scores: Scores,
    metric: str,
    over: str = WORST,
    protections: Sequence[str] = (),
    against: str | None = None,
    target: str | None = None,
    budget: int | None = None,
) -> list[Pilot]:
    """What a run says of the strength of its protections, or of its difference from another row's.

    Args:
        scores: Of the run.
        metric: A video metric with a direction.
        over: `WORST`, or the label of a purification.
        protections: Labels; all protections if empty.
        against: Label of a protection, made on the same surrogate, or of a control.
        target: Only on this model.
        budget: Only at this budget.

    Raises:
        UserError: the run has no such metric, purification, protection, target or budget.
        NothingComparedError: no row has an interval.
    """
    groups = scores.groups("video")
    _known("purification", over, [WORST, *scores.header["purifications"]])
    if metric not in scores.metrics or scores.metrics[metric].scope != "video":
        _known("metric", metric, [name for name, facts in scores.metrics.items() if facts.scope == "video"])
    for name in (*protections, *([against] if against is not None else ())):
        _known("protection", name, sorted({item.protection for item in groups if _stands(scores, item, controls=True)}))
    for kind, value in (("target", target), ("budget", budget)):
        if value is not None:
            _known(kind, value, sorted({getattr(item, kind) for item in groups if _stands(scores, item)}))
    found = [
        _pilot(scores, metric, over, group, against)
        for group in groups
        if (group.protection in protections if protections else _stands(scores, group))
        and group.protection != against
        and target in (None, group.target)
        and (budget is None or group.budget in (0, budget))
    ]
    if all(item.deviation is None for item in found):
        reason = next((item.reason for item in found if item.reason), "no protection to look at")
        raise NothingComparedError(f"nothing to reckon with by {metric}: {reason}")
    return found


def _stands(scores: Scores, group: Group, controls: bool = False) -> bool:
    return scores.roles[group.protection] in ("protection", *(("control", "degenerate") if controls else ()))


def _known(kind: str, value: Any, known: Sequence[Any]) -> None:
    if value not in known:
        names = [str(item) for item in known]
        raise UserError(
            f"the run has no {kind} {value!r}{closest(str(value), names)} (it has: {', '.join(names) or 'none'})"
        )


def _pilot(scores: Scores, metric: str, over: str, group: Group, against: str | None) -> Pilot:
    measured = _measured(scores, metric, over, group, against)
    interval = measured.interval
    if interval is None:
        return Pilot(group._asdict(), None, None, None, measured.reason)
    if interval.error is None:
        reason = "one photo says nothing of how photos differ"
        return Pilot(group._asdict(), interval.estimate, None, interval.photos, reason)
    deviation = interval.error * math.sqrt(interval.photos)
    return Pilot(group._asdict(), interval.estimate, deviation, interval.photos)


def _measured(scores: Scores, metric: str, over: str, group: Group, against: str | None) -> Measured:
    own = Strengths(scores, metric, group)
    if against is None:
        return own.worst_case() if over == WORST else own.strength(over)
    role = next(role for label, role in scores.roles.items() if label == against)
    other = Strengths(
        scores,
        metric,
        Group(
            against,
            group.surrogate if role == "protection" else None,
            group.target,
            0 if against == "clean-reseeded" else group.budget,
        ),
    )
    sides = (own, other)
    for strengths in sides:
        alone = strengths.worst_case() if over == WORST else strengths.strength(over)
        if alone.interval is None:
            return Measured(None, f"{strengths.group.protection}: {alone.reason}")
    names = own.sighted if over == WORST else [over]

    def difference(effects: list[Effects]) -> Any:
        parts = effects[: len(names)], effects[len(names) :]
        one, two = (worst(part) if over == WORST else ratio(part[0]) for part in parts)
        return minus(one, two)

    interval = measure([strengths.effects[name] for strengths in sides for name in names], difference)
    return Measured(interval, None if interval else "no photo has both strengths")
