"""How often nominal 95% intervals cover the truth, for the table in `antibench.stats`: ``python coverage.py 400``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from scipy import stats as oracle

from antibench.stats import Floats, Statistic, bootstrap, resample_weights
from antibench.strength import Effects, ratio, worst

Bounds: TypeAlias = tuple[float, float]
Method: TypeAlias = Callable[[Statistic, int], Bounds]

KINDS = ("gaussian", "vanishing", "skewed", "none")
PHOTOS = (4, 8, 16, 32)


def draw(rng: np.random.Generator, kind: str, photos: int, purifications: int) -> list[Effects]:
    """Photos of a made-up population, scored under one or more purifications; each resembles the others."""
    base, floor = rng.normal(0.36, 0.12, photos), rng.normal(0.0, 0.08, photos)
    found = []
    for step in range(purifications):
        clean = base - 0.04 * step + rng.normal(0, 0.06, photos)
        protected = {
            "gaussian": 0.4 * clean + rng.normal(0, 0.08, photos),
            "vanishing": np.where(rng.random(photos) < 0.5, 0.0, clean + rng.normal(0, 0.06, photos)),
            "skewed": clean - rng.exponential(0.12, photos),
            "none": base - 0.04 * step + rng.normal(0, 0.06, photos),
        }[kind]
        found.append(Effects(clean - protected, clean - floor - rng.normal(0, 0.04, photos)))
    return found


def statistic_of(effects: list[Effects]) -> Statistic:
    """The strength, or the worst case over several purifications."""
    return ratio(effects[0]) if len(effects) == 1 else worst(effects)


def plainly(statistic: Statistic, photos: int) -> float:
    """The statistic of the photos as they are."""
    return float(statistic(np.full((1, photos), 1 / photos))[0])


def own(statistic: Statistic, photos: int) -> Bounds:
    """This package's interval."""
    found = bootstrap(statistic, photos)
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def percentile(statistic: Statistic, photos: int) -> Bounds:
    """The middle 95% of the same resamples."""
    low, high = np.quantile(statistic(resample_weights(photos)), [0.025, 0.975])
    return float(low), float(high)


def bca(statistic: Statistic, photos: int) -> Bounds:
    """scipy's bias-corrected and accelerated interval."""

    def of_drawn(drawn: Floats, axis: int) -> Floats:
        rows = np.moveaxis(np.atleast_2d(drawn), axis, -1).astype(int)
        counts = np.array([np.bincount(row, minlength=photos) for row in rows.reshape(-1, rows.shape[-1])])
        found = statistic(counts / counts.sum(axis=1, keepdims=True)).reshape(rows.shape[:-1])
        return found if np.ndim(drawn) > 1 else np.asarray(found[0])

    found = oracle.bootstrap((np.arange(photos),), of_drawn, vectorized=True, method="BCa", n_resamples=2000, rng=1)
    low, high = found.confidence_interval
    return float(low), float(high)


def coverage(kind: str, photos: int, purifications: int, runs: int, methods: Sequence[Method]) -> list[float]:
    """Share of runs in which each method's interval covers the truth, the statistic of 300,000 photos."""
    truth = plainly(statistic_of(draw(np.random.default_rng(5), kind, 300_000, purifications)), 300_000)
    rng = np.random.default_rng([photos, 17])
    hits = np.zeros(len(methods))
    for _ in range(runs):
        statistic = statistic_of(draw(rng, kind, photos, purifications))
        bounds = [method(statistic, photos) for method in methods]
        hits += [low <= truth <= high for low, high in bounds]
    return list(hits / runs)


def table(runs: int) -> Iterator[str]:
    """One line for each number of photos: lowest and highest coverage over the worlds."""
    methods = (own, percentile, bca)
    for photos in PHOTOS:
        found = 100 * np.array([coverage(kind, photos, count, runs, methods) for kind in KINDS for count in (1, 3)])
        ranges = zip(methods, found.min(axis=0), found.max(axis=0), strict=True)
        yield f"{photos:4d} photos: " + ", ".join(
            f"{name.__name__} {low:.0f} - {high:.0f}%" for name, low, high in ranges
        )


if __name__ == "__main__":
    with np.errstate(all="ignore"):
        for line in table(int(sys.argv[1])):
            print(line, flush=True)
