"""What is left of a protection if whoever animates the photo chooses the purification for each photo.

Three choosers, from the one who knows most:

- *worst case* (`Strengths.worst_case`): knows the scores of the videos. No chooser can do better.
- *best of*: may see the clean photo, but no video, and takes the purification after which the photo is most like it.
- *adaptive*: has the protected photo alone, and photos of other people that nobody protected. Takes the purification
  after which an autoencoder changes the photo least, in standard deviations of what it changes in the others' equally
  purified photos. Adversarial perturbations are what autoencoders fail to reproduce (Meng and Chen 2017, MagNet).

A choice is made from scores of the photo as it was animated, so nothing has to be generated again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antibench.scores import Group, Place, Scores
from antibench.stats import Floats, Statistic, bootstrap, weighted
from antibench.strength import Effects, Measured, Strengths, finite

LIKENESS = "features-photo"
"""Metrics of which name tell how like the clean photo the animated one is."""
CONSISTENCY = "vae-consistency"
"""Metrics of which name tell how much an autoencoder changes the animated photo."""
FEWEST = 3
"""Other people's photos that a standard deviation needs."""


@dataclass(frozen=True)
class Choice:
    """Which purification a chooser takes for each photo.

    Attributes:
        metric: Whose scores of the animated photo it is chosen by.
        costs: (purifications, photos) what is least at the one taken, purifications as in `Strengths.sighted`; NaN
            where a score is missing.
        usable: (photos,) which photos have every score that the choice and its strength need.
        taken: (usable photos,) index of the purification.
    """

    metric: str
    costs: Floats
    usable: npt.NDArray[np.bool_]
    taken: npt.NDArray[np.intp]


def best_of(strengths: Strengths) -> Measured | None:
    """Mean strength under each photo's purification of most likeness to the clean photo, with its interval.

    None if the suite has no metric for it.
    """
    return _left(strengths, "best_of")


def adaptive(strengths: Strengths) -> Measured | None:
    """Mean strength under each photo's purification of most consistency, with its interval.

    None if the suite has no metric for it.
    """
    return _left(strengths, "adaptive_purifier")


def choice(strengths: Strengths, chooser: str) -> Choice | None:
    """What a chooser takes; None if it has nothing to choose by or from.

    Args:
        strengths: Of the group.
        chooser: "best_of" or "adaptive_purifier".
    """
    kind, costs_of = CHOOSERS[chooser]
    metric = _metric(strengths.scores, kind)
    if metric is None or not strengths.sighted or strengths.unplanned:
        return None
    costs = costs_of(strengths, metric)
    effects = [strengths.effects[name] for name in strengths.sighted]
    usable = finite(effects) & np.isfinite(costs).all(axis=0)
    return Choice(metric, costs, usable, costs[:, usable].argmin(axis=0))


def _unlikeness(strengths: Strengths, metric: str) -> Floats:
    return -_seen(strengths, metric)


def _unnaturalness(strengths: Strengths, metric: str) -> Floats:
    unprotected = Strengths(strengths.scores, metric, Group("clean", None, None, 0))
    natural = [strengths.scores.per_photo(unprotected.place(name)) for name in strengths.sighted]
    return (_seen(strengths, metric) - _of_others(natural, _mean)) / _of_others(natural, _spread)


CHOOSERS: dict[str, tuple[str, Callable[[Strengths, str], Floats]]] = {
    "best_of": (LIKENESS, _unlikeness),
    "adaptive_purifier": (CONSISTENCY, _unnaturalness),
}
"""By key of a summary's row: the metrics that a chooser can use, and the (purifications, photos) costs it takes the
least of."""


def _metric(scores: Scores, kind: str) -> str | None:
    return next((name for name in scores.metrics if name.startswith(kind)), None)


def _seen(strengths: Strengths, metric: str) -> Floats:
    """(purifications, photos) scores of the photo as it was animated."""
    group = strengths.group
    photo = Group(group.protection, group.surrogate, None, group.budget)
    places = [Place(metric, photo, name) for name in strengths.sighted]
    return np.array([strengths.scores.per_photo(place) for place in places])


def _of_others(natural: list[Floats], reduce: Callable[[Floats], float]) -> Floats:
    """(purifications, photos) of a statistic over everyone but the photo's own person; NaN with fewer than `FEWEST`."""
    found = np.full((len(natural), len(natural[0])), np.nan)
    for row, values in enumerate(natural):
        for photo in range(len(values)):
            others = np.delete(values, photo)
            others = others[np.isfinite(others)]
            if len(others) >= FEWEST:
                found[row, photo] = reduce(others)
    return found


def _mean(values: Floats) -> float:
    return float(np.mean(values))


def _spread(values: Floats) -> float:
    return float(np.std(values, ddof=1))


def _left(strengths: Strengths, chooser: str) -> Measured | None:
    """Mean over photos of the strength under the purification taken; None if there is no metric to choose by."""
    if _metric(strengths.scores, CHOOSERS[chooser][0]) is None:
        return None
    if strengths.unplanned and strengths.sighted:
        return Measured(None, f"the suite does not show it under {', '.join(strengths.unplanned)}")
    chosen = choice(strengths, chooser)
    if chosen is None:
        return strengths.worst_case()  # which says why
    if not chosen.usable.any():
        return Measured(None, "no photo has every score that the choice needs")
    effects = [strengths.effects[name] for name in strengths.sighted]
    kept = [Effects(item.moved[chosen.usable], item.span[chosen.usable]) for item in effects]
    return Measured(bootstrap(_taken(kept, chosen.taken), int(chosen.usable.sum())), None)


def _taken(effects: list[Effects], choice: npt.NDArray[np.intp]) -> Statistic:
    """Mean over photos of the strength under the chosen purification, each in its own D."""

    def statistic(weights: Floats) -> Floats:
        strengths = np.stack([item.moved / weighted(weights, item.span)[:, None] for item in effects])
        chosen = np.take_along_axis(strengths, choice[None, None, :], axis=0)[0]
        return np.asarray(np.einsum("bn,bn->b", weights, chosen))

    return statistic
