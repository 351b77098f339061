"""How often do nominal 95% intervals cover the truth?

``python benchmarks/interval_coverage.py --runs 2000 --out docs/results/coverage.md`` draws made-up runs whose true
numbers are known, and counts for each number that is claimed with an interval how many of its intervals hold the truth.

The worlds `collapse`, `weak`, `reseeded` and `lowfreq` have the means, standard deviations, skewness and correlations
that AdvDM, Anti-I2V, another seed and low-frequency noise had, about, on 66 portraits in the validity gate of
`dynamicrafter-small`. Harder than anything seen there are `gone`, where a face is lost in the clip or the clip is as it
was, `exponential`, and `rare`, where one photo in fifty decides the worst case: a run that lacks it cannot know.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from scipy.stats import norm

from antibench.curves import under
from antibench.stats import Floats, Statistic, bootstrap, plainly, resample_weights, t_quantile
from antibench.strength import Effects, minus, ratio, worst

Bounds: TypeAlias = tuple[float, float]
Method: TypeAlias = Callable[[Statistic, int], Bounds]

PHOTOS = (8, 16, 24, 64)
BUDGETS = {4: (0.5, 0.7), 8: (1.0, 1.0), 16: (1.5, 1.2)}
"""Factors of the mean and of the standard deviation of the strength at a budget."""
SPAN, SPREAD, OWN = 0.6, 0.45, 0.1
"""Mean distance of a photo from a stranger; how far photos, and purifications of one photo, differ in it (shares)."""
SHARED = 0.5
"""Share of the variance that a photo's strengths have in common over purifications, budgets and runs."""
MANY = 200_000
"""Photos that stand for all: their statistic is the truth."""


@dataclass(frozen=True)
class World:
    """Mean, standard deviation and skewness of the strength under each purification, none first."""

    strengths: tuple[tuple[float, float, float], ...]
    follows: float = 0.2
    """Correlation of a photo's strength with its span."""
    together: bool = True
    """Where faces go: whether a face that is gone under one purification is gone under those that leave more."""


WORLDS: Mapping[str, World] = {
    "collapse": World(((0.53, 0.33, 0.2), (0.15, 0.18, 1.2), (0.10, 0.20, 1.5), (0.11, 0.20, 1.0))),
    "weak": World(((0.23, 0.24, 0.4), (0.02, 0.07, 0.2), (0.01, 0.11, 1.4), (0.03, 0.12, 1.5)), follows=0.1),
    "reseeded": World(((0.0, 0.13, 0.3), (0.0, 0.15, 1.0), (0.0, 0.19, 1.0), (0.0, 0.17, -0.5))),
    "lowfreq": World(((0.08, 0.21, 3.5), (0.07, 0.19, 3.0), (0.07, 0.16, -0.2), (0.09, 0.17, 1.1))),
    "gone": World(((0.5, 0.0, 0.0), (0.4, 0.0, 0.0), (0.35, 0.0, 0.0), (0.3, 0.0, 0.0))),
    "rare": World(((0.5, 0.0, 0.0), (0.4, 0.0, 0.0), (0.35, 0.0, 0.0), (0.3, 0.0, 0.0)), together=False),
    "exponential": World(((0.33, 0.33, 2.0),) * 4, follows=0.0),
}


def standard(rng: np.random.Generator, photos: int, skewness: float) -> Floats:
    """Numbers of mean 0, deviation 1 and this skewness: normal, or of a shifted gamma distribution."""
    if skewness == 0:
        return rng.standard_normal(photos)
    shape = 4 / skewness**2
    return np.asarray(np.sign(skewness) * (rng.gamma(shape, size=photos) - shape) / np.sqrt(shape))


@dataclass(frozen=True)
class Drawn:
    """The photos of two runs of one world, the second with half the strength, and the protected photos themselves."""

    videos: Mapping[tuple[int, int, int], Effects]
    """(run, budget, purification)."""
    photo: Effects

    def over(self, run: int, budget: int) -> list[Effects]:
        """Under every purification."""
        return [effects for (*key, _), effects in self.videos.items() if key == [run, budget]]


def draw(rng: np.random.Generator, name: str, photos: int) -> Drawn:
    """Photos of a made-up population."""
    world = WORLDS[name]
    far = rng.standard_normal(photos)
    spans = [SPAN * (1 + SPREAD * far + OWN * rng.standard_normal(photos)) for _ in world.strengths]
    videos = {}
    # A sum of two parts is less skewed than its parts.
    less = SHARED**1.5 + (1 - SHARED) ** 1.5
    gone = rng.random(photos)
    for index, (mean, deviation, skewness) in enumerate(world.strengths):
        common = standard(rng, photos, skewness / less)
        gone = gone if world.together else rng.random(photos)
        for run in (0, 1):
            for budget, (more, wider) in BUDGETS.items():
                level = mean * more * (0.5 if run else 1.0)
                own = standard(rng, photos, skewness / less)
                if deviation == 0:
                    # Some faces are gone, and what is left of the others is the person but for noise.
                    moved = np.where(gone < level, spans[index], 0.0) + 0.05 * own
                else:
                    varied = np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * own
                    varied = np.sqrt(1 - world.follows**2) * varied + world.follows * far
                    moved = SPAN * (level + deviation * wider * varied)
                videos[run, budget, index] = Effects(moved, spans[index])
    photo = Effects(0.15 + 0.1 * standard(rng, photos, 1.0) + 0.02 * far, 0.85 + 0.1 * rng.standard_normal(photos))
    return Drawn(videos, photo)


USUAL = ("collapse", "weak", "reseeded")
"""Worlds of two protections and of another seed; the others are more skewed."""
QUANTITIES: Mapping[str, Callable[[Drawn], Statistic]] = {
    "strength": lambda drawn: ratio(drawn.over(0, 8)[0]),
    "excess": lambda drawn: minus(ratio(drawn.over(0, 8)[0]), ratio(drawn.photo)),
    "worst case": lambda drawn: worst(drawn.over(0, 8)),
    "change of strength": lambda drawn: minus(ratio(drawn.over(1, 8)[0]), ratio(drawn.over(0, 8)[0])),
    "change of worst case": lambda drawn: minus(worst(drawn.over(1, 8)), worst(drawn.over(0, 8))),
    "area": lambda drawn: under(list(BUDGETS), lambda few: ratio(few[0]), [drawn.over(0, b)[0] for b in BUDGETS]),
    "worst-case area": lambda drawn: under(list(BUDGETS), worst, [item for b in BUDGETS for item in drawn.over(0, b)]),
}
OTHER_METHODS_OF = ("strength", "worst case")
"""For which the intervals that were not taken are measured as well."""


def own(statistic: Statistic, photos: int) -> Bounds:
    """The package's interval."""
    found = bootstrap(statistic, photos)
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def student(statistic: Statistic, photos: int) -> Bounds:
    """The same without the widening for skewed photos."""
    found = bootstrap(statistic, photos)
    assert found.error is not None
    half = t_quantile(0.975, photos - 1) * found.error
    return found.estimate - half, found.estimate + half


def percentile(statistic: Statistic, photos: int) -> Bounds:
    """The middle 95% of the same resamples."""
    low, high = np.quantile(statistic(resample_weights(photos)), [0.025, 0.975])
    return float(low), float(high)


def bca(statistic: Statistic, photos: int) -> Bounds:
    """Bias-corrected and accelerated (Efron 1987), of the same resamples."""
    drawn = statistic(resample_weights(photos))
    estimate = plainly(statistic, photos)
    left_out = statistic((1 - np.eye(photos)) / (photos - 1))
    away = left_out.mean() - left_out
    acceleration = (away**3).sum() / (6 * (away**2).sum() ** 1.5)
    bias = norm.ppf(((drawn < estimate).mean() + (drawn <= estimate).mean()) / 2)
    ends = bias + norm.ppf([0.025, 0.975])
    low, high = np.quantile(drawn, norm.cdf(bias + ends / (1 - acceleration * ends)))
    return float(low), float(high)


METHODS: Mapping[str, Method] = {"this interval": own, "Student's t": student, "percentile": percentile, "BCa": bca}


def truths(name: str) -> dict[str, float]:
    """The true numbers of a world."""
    everyone = draw(np.random.default_rng(5), name, MANY)
    return {quantity: plainly(of(everyone), MANY) for quantity, of in QUANTITIES.items()}


def coverage(
    name: str, photos: int, runs: int, quantities: Sequence[str] = tuple(QUANTITIES), others: bool = False
) -> dict[tuple[str, str], float]:
    """(quantity, method) -> share of the runs in which the interval covers the truth.

    Args:
        name: Of the world.
        photos: Of each run.
        runs: How many are drawn.
        quantities: Which numbers.
        others: Whether the intervals that were not taken are measured too.
    """
    truth = truths(name)
    rng = np.random.default_rng([photos, sorted(WORLDS).index(name), 17])
    hits: dict[tuple[str, str], int] = {}
    for _ in range(runs):
        drawn = draw(rng, name, photos)
        for quantity in quantities:
            statistic = QUANTITIES[quantity](drawn)
            methods = METHODS if others and quantity in OTHER_METHODS_OF else {"this interval": own}
            for title, method in methods.items():
                low, high = method(statistic, photos)
                key = (quantity, title)
                hits[key] = hits.get(key, 0) + (low <= truth[quantity] <= high)
    return {key: count / runs for key, count in hits.items()}


Found: TypeAlias = dict[tuple[str, int, str, str], float]
"""(world, photos, quantity, method) -> coverage."""


def page(found: Found, runs: int) -> Iterator[str]:
    """The lines of the result page."""
    chance = 100 * np.sqrt(0.95 * 0.05 / runs)
    yield "# Coverage of the intervals"
    yield ""
    yield f"`python benchmarks/interval_coverage.py --runs {runs}`: how many nominal 95% intervals hold the truth (%)."
    yield f"{runs} runs of each; chance alone moves a figure by {chance:.1f} (standard error)."
    yield "The worlds are described in the script."
    yield ""
    yield f"## Photos as protections have them: lowest - highest over {', '.join(USUAL)}"
    yield ""
    yield from _head(["number", *(f"{photos} photos" for photos in PHOTOS)])
    for quantity in QUANTITIES:
        yield _line([quantity, *(_range(found, photos, quantity, USUAL) for photos in PHOTOS)])
    yield ""
    yield "## Mean over all worlds (lowest - highest)"
    yield ""
    yield from _head(["number", *(f"{photos} photos" for photos in PHOTOS)])
    for quantity in QUANTITIES:
        yield _line([quantity, *(_spread(found, photos, quantity, "this interval") for photos in PHOTOS)])
    yield ""
    yield "## World by world"
    yield ""
    yield from _head(["world", "number", *(f"{photos} photos" for photos in PHOTOS)])
    for world in WORLDS:
        for quantity in QUANTITIES:
            figures = [found[world, photos, quantity, "this interval"] for photos in PHOTOS]
            yield _line([world, quantity, *(f"{100 * figure:.1f}" for figure in figures)])
    yield ""
    yield "## Intervals that were not taken"
    yield ""
    yield from _head(["number", "interval", *(f"{photos} photos" for photos in PHOTOS)])
    for quantity in OTHER_METHODS_OF:
        for method in METHODS:
            yield _line([quantity, method, *(_spread(found, photos, quantity, method) for photos in PHOTOS)])


def _spread(found: Found, photos: int, quantity: str, method: str) -> str:
    figures = [100 * found[world, photos, quantity, method] for world in WORLDS]
    return f"{np.mean(figures):.1f} ({_range(found, photos, quantity, list(WORLDS), method)})"


def _range(found: Found, photos: int, quantity: str, worlds: Sequence[str], method: str = "this interval") -> str:
    figures = [100 * found[world, photos, quantity, method] for world in worlds]
    return f"{min(figures):.1f} - {max(figures):.1f}"


def _head(columns: Sequence[str]) -> Iterator[str]:
    yield _line(columns)
    yield "|---" * len(columns) + "|"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--out", type=Path, help="write the page here; else it is printed")
    given = parser.parse_args()
    found: Found = {}
    for photos in PHOTOS:
        for world in WORLDS:
            for (quantity, method), share in coverage(world, photos, given.runs, others=True).items():
                found[world, photos, quantity, method] = share
    text = "\n".join(page(found, given.runs)) + "\n"
    if given.out:
        given.out.write_text(text)
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
