"""Strength of protection: what is left of the distance between a photo and a stranger.

For photo i, ``s_i = (clean_i - protected_i) / D`` with ``D = mean(clean - floor)`` over the photos of the group, signs
turned so that a larger s protects more. D is recomputed in every resample of the bootstrap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from antibench.scores import Group, Place, Scores
from antibench.stats import Floats, Interval, Statistic, bootstrap, t_quantile, weighted


class Effects(NamedTuple):
    """Per photo, (photos,): how far the protected score moved, and how far a stranger's would."""

    moved: Floats
    span: Floats


class Measured(NamedTuple):
    """An interval, or the reason why there is none."""

    interval: Interval | None
    reason: str | None


@dataclass(frozen=True)
class Strengths:
    """The strengths of one group by one metric, for every purification of the run."""

    scores: Scores
    metric: str
    group: Group

    def place(self, purification: str) -> Place:
        """Where the protected photos are scored."""
        return Place(self.metric, self.group, purification)

    def reference(self, purification: str) -> Place:
        """Where the equally purified clean photos are scored."""
        return Place(self.metric, Group("clean", None, self.group.target, 0), purification)

    def floor(self, purification: str) -> Place:
        """Where another photo's equally purified clean video is scored against this photo."""
        return Place(self.metric, Group("unrelated", None, self.group.target, 0), purification)

    @cached_property
    def effects(self) -> dict[str, Effects]:
        """Effects by purification, in the order of the header."""
        sign = self.scores.metrics[self.metric].sign
        if sign is None:
            return {}
        found = {}
        for purification in self.scores.header["purifications"]:
            if self.scores.has(self.place(purification)):
                clean = sign * self.scores.per_photo(self.reference(purification))
                protected = sign * self.scores.per_photo(self.place(purification))
                floor = sign * self.scores.per_photo(self.floor(purification))
                found[purification] = Effects(clean - protected, clean - floor)
        return found

    @cached_property
    def blind(self) -> dict[str, str]:
        """Purifications under which the metric cannot tell a photo from a stranger, with the reason."""
        found = {}
        for purification in self.effects:
            reason = self._why_blind(purification)
            if reason:
                found[purification] = reason
        return found

    def _why_blind(self, purification: str) -> str | None:
        # The span says nothing of this protection, so photos whose protected score is missing count as well.
        span = self.effects[purification].span
        span = span[np.isfinite(span)]
        if len(span) == 0:
            places = self.reference(purification), self.floor(purification)
            return f"no photo has a clean and a floor score: {self.scores.why_missing(*places)}"
        mean = bootstrap(lambda weights: weighted(weights, span), len(span))
        # One-sided 95% confidence; a single photo can only show the sign.
        bound = mean.estimate - (t_quantile(0.95, mean.photos - 1) * mean.error if mean.error is not None else 0.0)
        if bound > 0:
            return None
        return f"{self.metric} cannot tell a photo from a stranger here (clean - floor = {mean.estimate:.3g})"

    @property
    def sighted(self) -> list[str]:
        """Purifications under which there is a strength."""
        return [purification for purification in self.effects if purification not in self.blind]

    @property
    def unplanned(self) -> list[str]:
        """Purifications of the run under which the suite does not show this group."""
        return [name for name in self.scores.header["purifications"] if name not in self.effects]

    @property
    def needed(self) -> list[Place]:
        """Every place that the group's numbers draw on, also under purifications that blind the metric."""
        names = [name for name in self.scores.header["purifications"] if self.scores.has(self.place(name))]
        found = [self.place(name) for name in names]
        if self.scores.metrics[self.metric].sign is not None:
            found += [place(name) for name in names for place in (self.reference, self.floor)]
        return found

    def strength(self, purification: str) -> Measured:
        """Mean strength under one purification."""
        return self.over([purification], lambda effects: ratio(effects[0]))

    def worst_case(self) -> Measured:
        """Mean over photos of the weakest strength over the purifications that the metric can see under.

        None for a group that was not planned under every purification: the weakest of fewer would look stronger.
        """
        if not self.sighted:
            return Measured(None, next(iter(self.blind.values()), "the metric describes and has no direction"))
        if self.unplanned:
            return Measured(None, f"the suite does not show it under {', '.join(self.unplanned)}")
        return self.over(self.sighted, worst)

    def retained(self, purification: str | None = None) -> Measured:
        """Mean strength over purifications other than none, divided by the strength without purification.

        Args:
            purification: That one alone.
        """
        others = [name for name in self.sighted if name != "none"] if purification is None else [purification]
        if not others:
            return Measured(None, "no purification besides none has a strength")
        return self.over(["none", *others], share)

    def worst_per_photo(self, purifications: Sequence[str]) -> Floats:
        """(photos,) weakest strength of each photo, D over all photos; NaN where a score is missing.

        Args:
            purifications: Those to look at; of them, the ones that the metric can see under count.
        """
        kept = [self.effects[purification] for purification in self.sighted if purification in purifications]
        if not kept:
            return np.full(len(self.scores.cases), np.nan)
        usable = finite(kept)
        if not usable.any():
            return np.full(len(self.scores.cases), np.nan)
        return np.asarray(np.min([effects.moved / effects.span[usable].mean() for effects in kept], axis=0))

    def over(self, purifications: list[str], build: Callable[[list[Effects]], Statistic]) -> Measured:
        """A statistic of the effects under some purifications, or why it has no value."""
        if self.scores.metrics[self.metric].sign is None:
            return Measured(None, "the metric describes and has no direction")
        for purification in purifications:
            if purification not in self.effects:
                return Measured(None, f"not scored under {purification}")
            if purification in self.blind:
                return Measured(None, self.blind[purification])
        effects = [self.effects[purification] for purification in purifications]
        measured = measure(effects, build)
        if measured is None:
            places = [self.place(purification) for purification in purifications]
            return Measured(None, f"no photo is complete: {self.scores.why_missing(*places)}")
        return Measured(measured, None)


def excess(video: Strengths, photo: Strengths, purification: str) -> Measured:
    """Strength of the video minus strength of the photo that was animated, over the photos that have both."""
    for strengths in (video, photo):
        measured = strengths.strength(purification)
        if measured.interval is None:
            return measured

    both = [video.effects[purification], photo.effects[purification]]
    interval = measure(both, lambda effects: minus(ratio(effects[0]), ratio(effects[1])))
    return Measured(interval, None if interval else "no photo has both a video's and a photo's score")


def measure(effects: list[Effects], build: Callable[[list[Effects]], Statistic]) -> Interval | None:
    """Interval of a statistic over the photos for which all effects are known; None if there is no such photo."""
    usable = finite(effects)
    photos = int(usable.sum())
    if photos == 0:
        return None
    return bootstrap(build([Effects(item.moved[usable], item.span[usable]) for item in effects]), photos)


def finite(effects: list[Effects]) -> npt.NDArray[np.bool_]:
    """(photos,) which photos have every score."""
    return np.asarray(np.isfinite([part for item in effects for part in item]).all(axis=0))


def ratio(effects: Effects) -> Statistic:
    """Strength of a group: mean movement over mean span."""
    return lambda weights: weighted(weights, effects.moved) / weighted(weights, effects.span)


def worst(effects: list[Effects]) -> Statistic:
    """Mean over photos of the weakest strength."""

    def statistic(weights: Floats) -> Floats:
        weakest = np.full(weights.shape, np.inf)
        for item in effects:
            np.minimum(weakest, item.moved / weighted(weights, item.span)[:, None], out=weakest)
        return np.asarray(np.einsum("bn,bn->b", weights, weakest))

    return statistic


def minus(one: Statistic, other: Statistic) -> Statistic:
    """The first less the second, of the same photos."""
    return lambda weights: one(weights) - other(weights)


def share(effects: list[Effects]) -> Statistic:
    """Mean of the later strengths as a share of the first."""
    first, *others = [ratio(item) for item in effects]
    return lambda weights: np.mean([other(weights) for other in others], axis=0) / first(weights)
