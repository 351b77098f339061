"""Intervals and tests over photos: seeded, paired, independent of the order of the input.

The photo is the unit: callers average seeds within a photo first, and hand over arrays in sorted order of the photos.

The interval is ``estimate +- (t(0.975, n - 1) + widening) * error``. Here ``error`` is the cluster bootstrap's standard
error times sqrt(n / (n - 1)), and ``widening`` is what skewness g and kurtosis k of single photos' contributions add to
the 97.5% quantile z of a studentised mean's size (Hall 1988, the term of order 1 / n that Student's t lacks)::

    widening = max(0, z / n * (g**2 * (z**4 + 2 * z**2 - 3) / 18 - k * (z**2 - 3) / 12))

It is next to nothing where photos are not skewed, and keeps the interval symmetric. It was chosen by measured coverage,
`benchmarks/interval_coverage.py` and `docs/results/coverage.md`: percentile and BCa intervals are too narrow at the few
photos that a benchmark can afford, Student's t alone where photos are skewed. Hall's skewed interval (1992) covers more
often than this one where skewness is above 3, but reaches ten standard errors out where one photo of few is far off.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Statistic: TypeAlias = Callable[[Floats], Floats]
"""Maps weights of the photos, shape (resamples, photos), each row summing to 1, to one number a row."""

SEED = 20240229
RESAMPLES = 2000
FLIPS = 20_000
NORMAL = 1.959964
"""The normal distribution's 97.5% quantile."""
EXACT_PHOTOS = 14
"""Up to this many photos a sign-flip test enumerates all 2**n flips."""
FAMILY_ERROR = 0.05
"""Chance of a false statement that is accepted in a whole family of comparisons."""
ROUNDING = 1e-12
"""Differences of strengths that are no larger are taken for none."""


class Interval(NamedTuple):
    """An estimate with its 95% interval; the bounds and the standard error are None for fewer than two photos."""

    estimate: float
    low: float | None
    high: float | None
    error: float | None
    photos: int


@lru_cache(maxsize=32)
def resample_weights(photos: int, resamples: int = RESAMPLES, seed: int = SEED) -> Floats:
    """Weights of a bootstrap over photos, (resamples, photos): how often each was drawn, divided by `photos`."""
    rng = np.random.default_rng([seed, photos])
    counts = rng.multinomial(photos, np.full(photos, 1 / photos), size=resamples)
    weights = counts.astype(np.float64) / photos
    weights.flags.writeable = False
    return weights


def weighted(weights: Floats, values: Floats) -> Floats:
    """Weighted means of (..., photos) values: (resamples, ...). Not a BLAS call, so thread counts change no bit."""
    return np.asarray(np.einsum("bn,...n->b...", weights, values))


def plainly(statistic: Statistic, photos: int) -> float:
    """A statistic of the photos as they are."""
    return float(statistic(np.full((1, photos), 1 / photos))[0])


def bootstrap(statistic: Statistic, photos: int) -> Interval:
    """Estimate and 95% interval of a statistic of weighted photos (module docstring)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = plainly(statistic, photos)
        if photos < 2 or not math.isfinite(estimate):
            return Interval(estimate, None, None, None, photos)
        spread = float(np.std(statistic(resample_weights(photos)), ddof=1))
    if not math.isfinite(spread):
        return Interval(estimate, None, None, None, photos)
    error = spread * math.sqrt(photos / (photos - 1))
    half = (t_quantile(0.975, photos - 1) + _widening(statistic, photos)) * error
    return Interval(estimate, estimate - half, estimate + half, error, photos)


def _widening(statistic: Statistic, photos: int) -> float:
    """What skewed photos add to the quantile, in standard errors (module docstring)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        without = statistic((1 - np.eye(photos)) / (photos - 1))
    added = without.mean() - without
    square = added * added
    variance = float(np.mean(square))
    if not math.isfinite(variance) or variance <= ROUNDING**2:
        return 0.0
    skewness = float(np.mean(square * added)) / math.pow(variance, 1.5)
    kurtosis = float(np.mean(square * square)) / math.pow(variance, 2) - 3
    wider = math.pow(skewness, 2) * (NORMAL**4 + 2 * NORMAL**2 - 3) / 18 - kurtosis * (NORMAL**2 - 3) / 12
    return max(0.0, NORMAL * wider / photos)


def surely_above(estimates: Floats, drawn: Floats, photos: int) -> npt.NDArray[np.bool_]:
    """Which of several statistics of the same photos lie above which others, with 95% confidence in all of it at once.

    Every pair's difference is held against its own standard error over the joint resamples (Student's t, two-sided),
    and Holm's correction goes over all pairs.

    Args:
        estimates: (statistics,).
        drawn: (statistics, resamples), of the same resamples of the photos.
        photos: How many were resampled, at least two.

    Returns:
        (statistics, statistics); true where the row's statistic is the larger.
    """
    count = len(estimates)
    pairs = [(one, other) for one in range(count) for other in range(one)]
    p_values = []
    for one, other in pairs:
        apart = abs(float(estimates[one] - estimates[other]))
        error = float(np.std(drawn[one] - drawn[other], ddof=1)) * math.sqrt(photos / (photos - 1))
        if apart <= ROUNDING or error <= ROUNDING:
            p_values.append(1.0 if apart <= ROUNDING else 0.0)
        else:
            p_values.append(2 * t_tail(apart / error, photos - 1))
    above = np.zeros((count, count), dtype=np.bool_)
    for (one, other), adjusted in zip(pairs, holm(p_values), strict=True):
        better, worse = (one, other) if estimates[one] > estimates[other] else (other, one)
        above[better, worse] = adjusted <= FAMILY_ERROR
    return above


def median_interval(values: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """The median with its 95% interval between two of the values (order statistics: exact for any distribution).

    No interval for fewer than six values, nothing at all for none.
    """
    ordered = sorted(values)
    count = len(ordered)
    if not count:
        return None, None, None
    outside, tail = 0, 1 / 2**count  # P(no value below the true median)
    while 2 * tail <= FAMILY_ERROR:
        outside += 1
        tail += math.comb(count, outside) / 2**count
    middle = float(np.median(ordered))
    return (middle, ordered[outside - 1], ordered[-outside]) if outside else (middle, None, None)


def t_tail(value: float, freedom: int) -> float:
    """P(T > value) for Student's t with whole degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4)."""
    angle = math.atan2(abs(value), math.sqrt(freedom))
    cosine = math.cos(angle)
    term, total = (cosine, 0.0) if freedom % 2 else (1.0, 0.0)
    for step in range(2 + freedom % 2, freedom + 1, 2):
        total += term
        term *= cosine**2 * (step - 1) / step
    inside = math.sin(angle) * total
    if freedom % 2:
        inside = (angle + inside) * 2 / math.pi
    return (1 - inside) / 2 if value >= 0 else (1 + inside) / 2


@lru_cache(maxsize=256)
def t_quantile(probability: float, freedom: int) -> float:
    """The value that Student's t stays below with this probability, 0.5 to 0.9999, by bisection."""
    low, high = 0.0, 1.0
    while t_tail(high, freedom) > 1 - probability:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if t_tail(middle, freedom) > 1 - probability else (low, middle)
    return high


def sign_flip_p(differences: Floats) -> float:
    """Two-sided p-value of a paired permutation test: under "no difference" each photo's sign is a coin toss.

    Args:
        differences: (photos,) paired differences. All flips are enumerated up to `EXACT_PHOTOS` photos; beyond that
            `FLIPS` seeded ones are drawn and the observed one is counted among them.
    """
    photos = len(differences)
    if photos <= EXACT_PHOTOS:
        signs = 1.0 - 2.0 * ((np.arange(2**photos)[:, None] >> np.arange(photos)) & 1)
        extra = 0
    else:
        signs = np.random.default_rng([SEED, photos]).choice([-1.0, 1.0], size=(FLIPS, photos))
        extra = 1
    observed = abs(float(np.sum(differences)))
    flipped = np.abs(np.einsum("bn,n->b", signs, differences))
    # Sums of the same numbers in another order differ by rounding; they count as equal.
    extreme = int(np.count_nonzero(flipped >= observed - 1e-12 * max(1.0, observed)))
    return (extreme + extra) / (len(signs) + extra)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment of a family of p-values, in the given order."""
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


def smallest_detectable(error: float, photos: int, power: float = 0.8) -> float:
    """The smallest true effect that a two-sided 5% t-test with this standard error finds with the given power."""
    return (t_quantile(0.975, photos - 1) + t_quantile(power, photos - 1)) * error
