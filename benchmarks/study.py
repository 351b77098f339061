"""What one value of a protection does: a study's rows against its base, photo by photo.

``python benchmarks/study.py RUN --base base`` takes a run in which every row differs from `base` in one value. Labels
are ``SETTING`` or ``SETTING@MODEL``, so that one setting is tried on several models. Markdown: per model the strength,
its excess over the photo's own damage and the paired difference to the base with its 95% interval; then the difference
over all models, in which a photo's differences are averaged first.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from antibench.claims import further
from antibench.report.numbers import number
from antibench.runfiles import read_run
from antibench.scores import Group, Scores
from antibench.stats import Interval, bootstrap, holm, sign_flip_p, weighted
from antibench.strength import Strengths


@dataclass(frozen=True)
class Tried:
    """A setting on one model."""

    strengths: Strengths

    @property
    def strength(self) -> float | None:
        """Without purification."""
        interval = self.strengths.strength("none").interval
        return None if interval is None else interval.estimate

    def shares(self) -> npt.NDArray[np.float64]:
        """Of each photo, in units of the mean way to a stranger, so that models may be averaged."""
        found = self.strengths.effects["none"]
        return np.asarray(found.moved / np.nanmean(found.span), dtype=np.float64)


def settings(scores: Scores, metric: str) -> dict[str, dict[str, Tried]]:
    """By setting and model, in the order of the suite."""
    order = [str(item["label"]) for item in scores.header["protections"] if item["role"] == "protection"]
    found: dict[str, dict[str, Tried]] = {}
    tried = [group for group in scores.groups("video") if at_home(group, order)]
    for group in sorted(tried, key=lambda group: order.index(group.protection)):
        setting = group.protection.split("@")[0]
        found.setdefault(setting, {})[str(group.target)] = Tried(Strengths(scores, metric, group))
    return found


def at_home(group: Group, order: list[str]) -> bool:
    """A protection shown to the model it was made on."""
    return group.protection in order and group.surrogate == group.target


def over_all(tried: dict[str, Tried], base: dict[str, Tried]) -> tuple[Interval, float]:
    """The difference to the base averaged over the models photo by photo, and its p by sign flips."""
    apart = np.mean([tried[model].shares() - base[model].shares() for model in base], axis=0)
    apart = apart[np.isfinite(apart)]
    return bootstrap(lambda weights: weighted(weights, apart), len(apart)), sign_flip_p(apart)


def told(found: Interval | None) -> str:
    """A difference with its interval."""
    if found is None or found.low is None or found.high is None:
        return "-"
    return f"{found.estimate:+.2f} [{found.low:.2f}, {found.high:.2f}]"


def table(found: dict[str, dict[str, Tried]], base: str) -> Iterator[str]:
    """The lines."""
    models = list(found[base])
    yield (
        "| setting | "
        + " | ".join(f"{model}: strength | minus `{base}`" for model in models)
        + " | on average | p (Holm) |"
    )
    yield "|---|" + "---:|---:|" * len(models) + "---:|---:|"
    others = {setting: over_all(tried, found[base]) for setting, tried in found.items() if setting != base}
    corrected = dict(zip(others, holm([p for _, p in others.values()]), strict=True))
    for setting, tried in found.items():
        cells = [setting]
        for model in models:
            apart = further(*(side[model].strengths.effects["none"] for side in (tried, found[base])))
            cells += [number(tried[model].strength), "" if setting == base else told(apart)]
        if setting == base:
            cells += ["", ""]
        else:
            cells += [told(others[setting][0]), f"{others[setting][1]:.2f} ({corrected[setting]:.2f})"]
        yield "| " + " | ".join(cells) + " |"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--base", default="base")
    given = parser.parse_args()
    run = read_run(given.run)
    found = settings(Scores(run.header, run.cells), str(run.header["headline"]))
    print(f"{len(run.header['cases'])} portraits of the split `tune`, {run.header['budgets'][0]} levels\n")
    print("\n".join(table(found, given.base)))


if __name__ == "__main__":
    main()
