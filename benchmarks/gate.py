"""Does the gate go red when, and only when, a protection was weakened?

    OMP_NUM_THREADS=1 python benchmarks/gate.py                  the ci suite as it is; hours on two cores
    OMP_NUM_THREADS=1 python benchmarks/gate.py --photos 32      the same on more photos
    OMP_NUM_THREADS=1 python benchmarks/gate.py --small          six photos, no purification; about ten minutes

The runs may be made side by side, or elsewhere: `--only NAME` makes one of them (replicate-0, ..., zero-steps, ...),
`--read` makes none and measures those that are there.

The suite is run as it is a few times, each time with other seeds for the clips, the reference clips and so for all that
the protections draw: these are the *replicates*. And it is run with protections that were spoilt on purpose
(`weakened.py`): half the budget, no steps, a loss term dropped, the sign turned.

- **A/A.** 200 comparisons of the suite with itself: for each photo and comparison two different replicates are drawn,
  one for each side. Nothing changed but seeds, so at most 2 may be red.
- **Weakened.** The first replicate is the baseline; each spoilt run has its seeds, as a suite's runs do. All must be
  red. As a harder case the same is shown with the second replicate as the baseline, so that no seed is shared.

Both are the comparison of the pytest plugin (`antibench compare --each`). Then the same for other numbers of photos,
drawn without replacement as far as there are as many, with replacement beyond (marked with ~: an extrapolation): the
share of red comparisons, from which the photos that a suite needs can be read.

Exit code 1 if more than 2 of 200 A/A comparisons are red or a spoilt protection is not.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from antibench.compare import Comparison, compare
from antibench.errors import NothingComparedError
from antibench.progress import teller
from antibench.registry import load_plugin_file
from antibench.report.numbers import number, with_interval
from antibench.run import DEFAULT_STORE, Settings
from antibench.run import run as run_suite
from antibench.runfiles import Run, read_run
from antibench.suite import Suite
from antibench.suite_file import load_suite
from antibench.suite_options import Override, no_purifications

WEAKENED = Path(__file__).parent / "weakened.py"
WEAKENINGS = ("half-budget", "zero-steps", "dropped-term", "wrong-sign")
COMPARISONS = 200
MAX_RED = 2
TRIES = 100
"""Draws of photos for each point of the curve."""
SEED = 20240229
LINE = ("metric", "status", "value", "reason", "scope", "role", "protection", "surrogate", "target", "purification")

Cells = list[dict[str, Any]]


@dataclass(frozen=True)
class Scored:
    """A run's scores by its headline, by photo."""

    header: dict[str, Any]
    by_photo: dict[str, Cells]

    @classmethod
    def of(cls, run: Run) -> Scored:
        """Leave everything else out."""
        headline = run.header["headline"]
        by_photo: dict[str, Cells] = {case: [] for case in run.header["cases"]}
        for line in run.cells:
            if line["metric"] == headline and line["scope"] == "video":
                by_photo[line["case"]].append({key: line[key] for key in (*LINE, "budget", "cell")})
        metrics = [metric for metric in run.header["metrics"] if metric["name"] == headline]
        return cls({**run.header, "metrics": metrics}, by_photo)


def side(picked: Sequence[tuple[str, Scored]], seed: int) -> tuple[dict[str, Any], Cells]:
    """Header and lines of a run made of these photos, each with its scores in some run, under one seed."""
    cells: Cells = []
    names = [f"{index:04d}-{photo}" for index, (photo, _) in enumerate(picked)]
    for name, (photo, scored) in zip(names, picked, strict=True):
        cells += [
            {**line, "case": name, "seed": seed, "cell": f"{name} {line['cell']}"} for line in scored.by_photo[photo]
        ]
    return {**picked[0][1].header, "cases": names, "seeds": [seed]}, cells


def held(a: Sequence[tuple[str, Scored]], b: Sequence[tuple[str, Scored]], *, same_seed: bool) -> Comparison | None:
    """The comparison of two such runs; None if there was nothing to compare."""
    try:
        return compare(*side(a, 0), *side(b, 0 if same_seed else 1), missing="ignore", each=True)
    except NothingComparedError:
        return None


def is_red(found: Comparison | None, protection: str | None = None) -> bool:
    """Whether a comparison is red, or a protection in it is."""
    weaker = found.of("weaker") if found else []
    return any(protection in (None, change.group.protection) for change in weaker)


def aa(replicates: Sequence[Scored], photos: Sequence[str], rng: np.random.Generator) -> Comparison | None:
    """One comparison of the suite with itself, every photo on either side with a replicate of its own."""
    a, b = [], []
    for photo in photos:
        one, other = rng.choice(len(replicates), 2, replace=False)
        a.append((photo, replicates[one]))
        b.append((photo, replicates[other]))
    return held(a, b, same_seed=False)


def drawn(photos: Sequence[str], count: int, rng: np.random.Generator) -> list[str]:
    """Some of the photos; more than there are only with replacement."""
    return [str(photo) for photo in rng.choice(list(photos), count, replace=count > len(photos))]


def replicate_override(index: int) -> Override:
    """Other seeds of everything random in the suite."""

    def apply(raw: dict[str, Any]) -> None:
        raw["seeds"], raw["noise_seed"], raw["reference_seeds"] = [index], 1000 + index, [2000 + index]

    return apply


def spoilt_override(how: str) -> Override:
    """The protections of the suite, each under its own label, spoilt."""

    def apply(raw: dict[str, Any]) -> None:
        kept = []
        for item in raw["protections"]:
            name, label = item["name"], item.get("label", item["name"])
            if how == "zero-steps":
                kept.append({**item, "steps": 0})
            elif (how, name) != ("dropped-term", "advdm"):  # it has one term
                kept.append({**item, "name": f"{name}-{how}", "label": label})
        raw["protections"] = kept

    return apply


@dataclass(frozen=True)
class Bench:
    """What is run, and where."""

    suite: str
    photos: int
    small: bool
    store: Path
    runs: Path
    workers: int | None
    device: str
    read: bool

    def run(self, name: str, *overrides: Override) -> Scored:
        """Run the suite with changes, or what is missing of it; or read the run."""
        folder = self.runs / f"{self.photos}-{name}"
        if self.read:
            return Scored.of(read_run(folder))

        def count(raw: dict[str, Any]) -> None:
            raw["dataset"] = {**raw["dataset"], "count": self.photos}
            raw["metrics"] = [raw["headline"]]

        narrow = [no_purifications] if self.small else []
        suite: Suite = load_suite(self.suite, [count, *narrow, *overrides])
        print(f"running {name}", flush=True)
        settings = Settings(folder, self.store, self.workers, self.device, plugin_files=(WEAKENED,))
        with teller(quiet=False) as tell:
            ran = run_suite(suite, settings, tell)
        if ran.exit_code:
            raise SystemExit(f"{name}: scores failed; see {ran.folder}")
        return Scored.of(read_run(ran.folder))


def rows(found: Comparison, how: str) -> Iterator[str]:
    """What a comparison says of each spoilt protection without purification, and whether it is red at all."""
    for change in found.changes:
        if change.over == "none" and change.interval is not None:
            red = "red" if is_red(found, change.group.protection) else "GREEN"
            strengths = f"{number(change.before)} | {number(change.after)}"
            told = with_interval(change.interval.estimate, change.interval.low, change.interval.high)
            yield f"| {how} | {change.group.protection} | {strengths} | {told} | {red} |"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", default="ci")
    parser.add_argument("--photos", type=int, help="[as the suite has]")
    parser.add_argument("--replicates", type=int, help="[4]")
    parser.add_argument("--small", action="store_true", help="six photos, two replicates, no purification")
    parser.add_argument("--store", type=Path, default=DEFAULT_STORE)
    parser.add_argument("--runs", type=Path, default=Path("results/runs/gate"))
    parser.add_argument("--workers", type=int)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--only", metavar="NAME", help="make this run and measure nothing")
    which.add_argument("--read", action="store_true", help="make no run: measure those in --runs")
    parser.add_argument("--curve", type=int, nargs="*", default=[4, 8, 16, 32, 64], help="numbers of photos")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    given = parser.parse_args()
    load_plugin_file(WEAKENED)
    count = given.photos or (6 if given.small else int(load_suite(given.suite).dataset.params["count"]))
    bench = Bench(given.suite, count, given.small, given.store, given.runs, given.workers, given.device, given.read)
    several = given.replicates or (2 if given.small else 4)
    changes = {f"replicate-{index}": [replicate_override(index)] for index in range(several)}
    changes |= {how: [replicate_override(0), spoilt_override(how)] for how in WEAKENINGS}
    if given.only:
        bench.run(given.only, *changes[given.only])
        return
    runs = {name: bench.run(name, *overrides) for name, overrides in changes.items()}
    replicates = [runs[f"replicate-{index}"] for index in range(several)]
    spoilt = {how: runs[how] for how in WEAKENINGS}
    figures = {
        "suite": given.suite,
        "photos": count,
        "replicates": several,
        **measured(replicates, spoilt, given.curve),
    }
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n")
    raise SystemExit(not figures["kept"])


def measured(replicates: list[Scored], spoilt: Mapping[str, Scored], curve: Sequence[int]) -> dict[str, Any]:
    """Print the tables; the figures behind them."""
    photos = list(replicates[0].by_photo)
    rng = np.random.default_rng(SEED)
    alarms = sum(is_red(aa(replicates, photos, rng)) for _ in range(COMPARISONS))
    print(
        f"\nA/A, {len(photos)} photos, {len(replicates)} replicates: {alarms} of {COMPARISONS} red, limit {MAX_RED}\n"
    )
    print(
        "| weakened | protection | before | after | change, without purification | gate |\n|---|---|---:|---:|---:|---|"
    )
    missed = []
    for how, run in spoilt.items():
        found = held([(photo, replicates[0]) for photo in photos], [(photo, run) for photo in photos], same_seed=True)
        assert found is not None, "no strength can be compared"
        lines = list(rows(found, how))
        missed += [line for line in lines if line.endswith("GREEN |")]
        print("\n".join(lines))
    shares = dict(red_by_photos(replicates, spoilt, curve))
    return {"aa_red": alarms, "missed": len(missed), "curve": shares, "kept": alarms <= MAX_RED and not missed}


def red_by_photos(
    replicates: list[Scored], spoilt: Mapping[str, Scored], curve: Sequence[int]
) -> Iterator[tuple[str, dict[str, float]]]:
    """Share of red comparisons for numbers of photos: A/A, then each spoilt protection, with its seeds and others."""
    photos = list(replicates[0].by_photo)
    cases: list[tuple[str, str, Scored | None, bool]] = [("A/A", "any", None, False)]
    for how, run in spoilt.items():
        labels = [item["label"] for item in run.header["protections"] if item["role"] == "protection"]
        cases += [(how, label, run, same) for label in labels for same in (True, False)]
    shown = [f"{count}{'~' if count > len(photos) else ''}" for count in curve]
    print("\n| | protection | seeds | " + " | ".join(shown) + " |\n|---|---|---|" + "---:|" * len(curve))
    for how, label, run, same in cases:
        rng = np.random.default_rng(SEED)
        reds = {}
        for count, name in zip(curve, shown, strict=True):
            red = 0
            for _ in range(TRIES):
                picked = drawn(photos, count, rng)
                if run is None:
                    red += is_red(aa(replicates, picked, rng))
                else:
                    before = replicates[0 if same else 1]
                    found = held([(item, before) for item in picked], [(item, run) for item in picked], same_seed=same)
                    red += is_red(found, label)
            reds[name] = red / TRIES
        seeds = "other" if not same else "same"
        print(
            f"| {how} | {label} | {seeds} | " + " | ".join(f"{share:.0%}" for share in reds.values()) + " |", flush=True
        )
        yield f"{how} {label} {seeds}", reds


if __name__ == "__main__":
    main()
