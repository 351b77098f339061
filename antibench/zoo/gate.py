"""The validity gate of the embedded world: may a small model rank protections?

A small model that copies its input, or that nothing disrupts, gives tables that look like results and are none. The
gate runs the suite ``gate`` on one model and asks what a world must show before it is believed: clean clips that keep
the person, controls that do nothing, and a protection that hurts the video more than the photo, in the eyes of two
networks. Measure a model and
write its card with ``python -m antibench.zoo.gate NAME --portraits 64``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from antibench.contracts import CellView, FramesU8, Metric
from antibench.metrics.fdfr import Fdfr
from antibench.metrics.ism import Ism
from antibench.metrics.judges import faces
from antibench.metrics.sharpness import Sharpness
from antibench.progress import teller
from antibench.registry import MODELS
from antibench.run import Settings
from antibench.run import run as run_suite
from antibench.runfiles import read_run
from antibench.stats import bootstrap, weighted
from antibench.suite import RESEEDED, Suite
from antibench.suite_file import load_suite
from antibench.suite_options import assignment, only_models
from antibench.testing.check import Check
from antibench.zoo.motion import HEAD
from antibench.zoo.portraits import portrait_clip
from antibench.zoo.recipes import RECIPES

HEADLINE = "ism0[dlib]"
SECOND = "ism0[mobileface]"
"""By a network of other layers and weights: a perturbation that fools only one of the two hid nobody."""
OWN_INPUT = "ism-own-input[dlib]"
ENOUGH = 64
"""Portraits a verdict needs."""
KEPT_SHARE = 0.75
"""Identity of clean clips as a share of the real clips' own."""
MISSING_FACES = 0.1
TAKEN_SHARE = 0.5
"""Share of the clean clips' identity that the strongest protection must take."""
PHOTO_KEPT = 0.8
"""Identity that the protected photo itself must keep."""
CONTROLS = ("random-sign", "random-lowfreq")
MOTION_PORTRAITS = 16
TURNS = (HEAD.index("turns left"), HEAD.index("turns right"))
SHARP_SHARE = 0.5
"""Sharpness of the last clean frames as a share of the real clips'."""


def suite_of(name: str, portraits: int, first: int = 0) -> Suite:
    """The suite `gate` on one model and so many test portraits from the `first`, however many the file names."""
    chosen = [assignment(f"dataset.count={portraits}")]
    if first:
        chosen.append(assignment(f"dataset.first={first}"))
    return load_suite("gate", [only_models((name,)), *chosen])


def measure(
    name: str,
    portraits: int,
    store: Path,
    runs: Path,
    workers: int | None = None,
    quiet: bool = False,
    first: int = 0,
    device: str = "cpu",
) -> dict[str, Any]:
    """Run the gate's suite on a small model and gather its figures.

    Args:
        name: A small model.
        portraits: How many test portraits.
        store: Store of artifacts; what is there is not computed again.
        runs: Folder under which the run's folder is made.
        workers: Processes; None for one a core.
        quiet: Show no progress.
        first: Index of the first of them.
        device: "cpu" or "cuda", for the suite; the clips that are told to turn are made on the CPU.

    Returns:
        JSON-serialisable: `model` and `suite` with their versions, `first`, `portraits`, the means and intervals the
        questions need, and `real`, the same scores of the real clips.
    """
    suite = suite_of(name, portraits, first)
    people = range(first, first + portraits)
    settings = Settings(
        out=runs / f"gate-{name}-{people.start}-{people.stop - 1}", store=store, workers=workers, device=device
    )
    with teller(quiet) as tell:
        done = run_suite(suite, settings, tell)
    cells = read_run(done.folder).cells
    summary = done.summary
    return {
        "model": f"{name}@{MODELS.load(name).version}",
        "suite": f"{suite.name}@{suite.version}",
        "first": first,
        "portraits": _scored_portraits(cells),
        "cells": summary["cells"],
        "real": _real_clips(name, people),
        "motion": _motion(name, people[:MOTION_PORTRAITS]),
        "clean": {
            metric: _mean(cells, metric=metric, protection="clean", purification="none")
            for metric in (HEADLINE, SECOND, OWN_INPUT, "ism[dlib]", "fdfr[mtcnn]", "sharpness", "motion")
        },
        "moved": {name: moved(cells, name) for name in CONTROLS},
        "rows": [_row(row) for row in summary["rows"] if row["metric"] == HEADLINE],
        "second": [_row(row) for row in summary["rows"] if row["metric"] == SECOND],
    }


def _scored_portraits(cells: Iterable[Mapping[str, Any]]) -> int:
    """How many portraits the headline was measured on: in a few the judge finds no face, whatever is compared."""
    return len({cell["case"] for cell in cells if cell["metric"] == HEADLINE and cell["status"] == "ok"})


def _row(row: dict[str, Any]) -> dict[str, Any]:
    keys = ("protection", "role", "strength", "low", "high", "excess", "excess_low", "excess_high", "means")
    return {
        **{key: row[key] for key in keys},
        "photo": row["photo"]["protected"] if row["photo"] else None,
        "own_input": row["own_input"]["protected"] if row["own_input"] else None,
        "purified": {
            part["purification"]: {key: part[key] for key in ("strength", "low", "high")}
            for part in row["purifications"]
        },
    }


def _mean(cells: Iterable[Mapping[str, Any]], **wanted: str) -> float | None:
    """Mean over the cells that have the wanted fields; None if one of them failed or was not run.

    `ism` is skipped where no face is found; its mean is over the clips that have one, and `fdfr` says how many.
    """
    chosen = [cell for cell in cells if all(cell[key] == value for key, value in wanted.items())]
    values = [cell["value"] for cell in chosen if cell["status"] == "ok"]
    complete = all(cell["status"] in ("ok", "skipped") for cell in chosen)
    return round(float(np.mean(values)), 4) if values and complete else None


def moved(cells: Iterable[Mapping[str, Any]], control: str) -> dict[str, float | None]:
    """How far a clip's score is moved by random noise on the photo, and how far by another seed.

    Args:
        cells: Of a run.
        control: The noise.

    Returns:
        Means over the photos of the size of the change from the clean clip: `noise`, `seed`, and `further`, noise less
        seed, with its 95% interval from `low` to `high`. Photos that no clip could be scored against are left out; all
        None where a photo has one of the three scores and lacks another.
    """
    scores: dict[str, dict[str, float | None]] = {name: {} for name in ("clean", RESEEDED, control)}
    for cell in cells:
        if cell["metric"] == HEADLINE and cell["purification"] == "none" and cell["protection"] in scores:
            scores[cell["protection"]][cell["case"]] = cell["value"]
    scored = [{photo for photo, value in found.items() if value is not None} for found in scores.values()]
    photos = sorted(set().union(*scored))
    values = np.array([[scores[name].get(photo) for photo in photos] for name in scores], dtype=float)
    if not values.size or np.isnan(values).any():
        return dict.fromkeys(("noise", "seed", "further", "low", "high"))
    seed, noise = np.abs(values[1:] - values[0])
    further = bootstrap(lambda weights: weighted(weights, noise - seed), len(photos))
    figures = {"noise": noise.mean(), "seed": seed.mean(), "further": further.estimate}
    bounds = {"low": further.low, "high": further.high}
    return {key: None if value is None else round(float(value), 4) for key, value in (figures | bounds).items()}


def _real_clips(name: str, people: range) -> dict[str, float]:
    recipe = RECIPES[name]
    metrics: tuple[Metric, ...] = (Ism(), Fdfr(), Sharpness())
    scores: dict[str, list[float]] = {"ism[dlib]": [], "fdfr[mtcnn]": [], "sharpness": []}
    for index in people:
        clip, caption = portrait_clip("test", index, recipe.size, recipe.frames)
        view = CellView(clip[0], clip[0], clip[0], clip, clip, caption, 0, "small")
        for key, metric in zip(scores, metrics, strict=True):
            value = metric.score(view)
            if isinstance(value, float):
                scores[key].append(value)
    return {key: round(float(np.mean(values)), 4) for key, values in scores.items()}


def _motion(name: str, people: range) -> dict[str, Any]:
    """Does the clip do as it is told? Each photo twice, told to turn the head left and right, as the judges see it: the
    shift of the nose between the eyes is compared.
    """
    recipe, model = RECIPES[name], MODELS.create(name).load("cpu")
    differences = []
    for index in people:
        told = [portrait_clip("test", index, recipe.size, recipe.frames, (head, 0, 0)) for head in TURNS]
        photo = told[0][0][0]
        left, right = (_turn(model.generate(photo, caption, 0)) for _, caption in told)
        if left is not None and right is not None:
            differences.append(right - left)
    mean = float(np.mean(differences)) if differences else None
    error = float(np.std(differences, ddof=1) / np.sqrt(len(differences))) if len(differences) > 1 else None
    what = "nose shift, told right minus told left"
    return {"what": what, "mean": mean, "error": error, "photos": len(differences), "of": len(people)}


def _turn(clip: FramesU8) -> float | None:
    """How far the nose is right of the middle between the eyes in the last frame, in distances of the eyes."""
    face = faces.find(clip[-1])
    if face is None:
        return None
    left, right, nose = face.landmarks[:3]
    return float((nose[0] - (left[0] + right[0]) / 2) / max(1e-6, float(np.hypot(*(right - left)))))


def _obeys(motion: dict[str, Any]) -> Check:
    mean, error = motion["mean"], motion["error"]
    ok = mean is not None and error is not None and mean - 2 * error > 0 and motion["photos"] >= motion["of"] / 2
    found = "not measured" if mean is None else f"{mean:.3f} +- {2 * (error or 0):.3f}"
    detail = f"{motion['what']}: {found} on {motion['photos']} of {motion['of']} photos"
    return Check("the clip moves as told", ok, detail)


def judge(figures: dict[str, Any]) -> list[Check]:
    """The gate's questions, answered from the figures of `measure`."""
    clean, real, rows = figures["clean"], figures["real"], figures["rows"]
    second = {row["protection"]: row for row in figures["second"]}
    protections = [row for row in rows if row["role"] == "protection"]
    return [
        _compare("clean clips keep the person", clean["ism[dlib]"], real["ism[dlib]"], KEPT_SHARE, "ISM"),
        Check(
            "clean clips have a face",
            clean["fdfr[mtcnn]"] is not None and clean["fdfr[mtcnn]"] < MISSING_FACES,
            f"FDFR {clean['fdfr[mtcnn]']} (below {MISSING_FACES}; real clips {real['fdfr[mtcnn]']})",
        ),
        _compare("clean clips stay sharp", clean["sharpness"], real["sharpness"], SHARP_SHARE, "sharpness"),
        _obeys(figures["motion"]),
        _controls(figures),
        _attackable(protections, clean[HEADLINE]),
        _confirmed(protections, second, clean[SECOND]),
        _disrupted(protections, clean[OWN_INPUT]),
        _beyond_photo(protections),
        _purified(protections),
    ]


def _compare(name: str, value: float | None, reference: float, share: float, what: str) -> Check:
    ok = value is not None and value >= share * reference
    return Check(name, ok, f"{what} {value}, real clips {reference} (at least {share:.0%} of that)")


def _controls(figures: dict[str, Any]) -> Check:
    """Does random noise move a clip no further than another seed does, and clearly less than the strongest protection?

    That its mean effect is 0 is not asked: noise that takes something from the photo takes some of it from the video of
    a model that keeps the person, and enough photos show however little it is. The effect is told beside the answer.
    """
    name = "random noise does nothing beyond the seed noise"
    rows = {row["protection"]: row for row in figures["rows"] if row["protection"] in CONTROLS}
    best = strongest([row for row in figures["rows"] if row["role"] == "protection"])
    told = figures.get("moved", {})
    if best is None or best["low"] is None or set(rows) != set(CONTROLS) or set(told) != set(CONTROLS):
        return Check(name, False, "not measured")
    ok = all(
        told[control]["low"] is not None
        and told[control]["low"] <= 0
        and rows[control]["high"] is not None
        and rows[control]["high"] < best["low"]
        for control in CONTROLS
    )
    said = "; ".join(
        f"{control} moves a clip by {told[control]['noise']}, another seed by {told[control]['seed']} "
        f"(further by {told[control]['further']} [{told[control]['low']}, {told[control]['high']}]), "
        f"strength {_interval(rows[control])}"
        for control in CONTROLS
    )
    return Check(name, ok, f"{said} (further by 0 within the interval; strength below that of {best['protection']})")


def _attackable(rows: list[dict[str, Any]], clean: float | None) -> Check:
    return _taken("a protection takes the person from the video and leaves the photo", strongest(rows), clean)


def _confirmed(rows: list[dict[str, Any]], second: dict[str, dict[str, Any]], clean: float | None) -> Check:
    """The protection that is strongest by the first judge, not the one the second would choose."""
    best = strongest(rows)
    return _taken("a second judge says the same", second.get(best["protection"]) if best else None, clean)


def _disrupted(rows: list[dict[str, Any]], clean: float | None) -> Check:
    """Has the video left its own input too? A model that copies a damaged photo disrupts nothing."""
    name = "the video leaves its own input as well"
    best = strongest(rows)
    if best is None or not clean or best["own_input"] is None:
        return Check(name, False, "not measured")
    taken = 1 - best["own_input"] / clean
    detail = f"{best['protection']} takes {taken:.0%} of the likeness to the own input (at least {TAKEN_SHARE:.0%})"
    return Check(name, taken >= TAKEN_SHARE, detail)


def strongest(rows: list[dict[str, Any]], photo_kept: float = PHOTO_KEPT) -> dict[str, Any] | None:
    """The row that leaves the video the least identity by the first judge, of those that leave the photo enough.

    A protection that spoils the photo is its own fault, not the model's; only if all do is it taken from all. None
    where one was not measured: it might be the strongest.
    """
    if any(row["means"]["protected"] is None for row in rows):
        return None
    sparing = [row for row in rows if row["photo"] is not None and row["photo"] >= photo_kept]
    return min(sparing or rows, key=lambda row: float(row["means"]["protected"]), default=None)


def _taken(name: str, row: dict[str, Any] | None, clean: float | None) -> Check:
    """Does a protection take enough of the video's identity and leave enough of the photo's?"""
    if row is None or not clean or row["means"]["protected"] is None:
        return Check(name, False, "not measured")
    taken = 1 - row["means"]["protected"] / clean
    kept = row["photo"]
    ok = taken >= TAKEN_SHARE and kept is not None and kept >= PHOTO_KEPT
    detail = f"{row['protection']} takes {taken:.0%} (at least {TAKEN_SHARE:.0%}), photo keeps {kept} ({PHOTO_KEPT})"
    return Check(name, ok, detail)


def _beyond_photo(rows: list[dict[str, Any]]) -> Check:
    best = max(rows, key=lambda row: -np.inf if row["excess"] is None else float(row["excess"]), default=None)
    ok = best is not None and best["excess_low"] is not None and best["excess_low"] > 0
    detail = "not measured"
    if best is not None:
        detail = f"{best['protection']} excess {best['excess']} [{best['excess_low']}, {best['excess_high']}]"
    return Check("the damage is beyond the photo's own", ok, detail)


def _purified(rows: list[dict[str, Any]]) -> Check:
    """For each purification, is there a protection whose purified strength is below the unpurified one, measurably?

    Measurably: the upper end of the 95% interval after purification lies below the strength before.
    """
    name = "each purification restores a part"
    labels = dict.fromkeys(label for row in rows for label in row["purified"] if label != "none")
    told = {label: _most_restored(rows, label) for label in labels}
    ok = bool(told) and all(row is not None and _margin(row, label) > 0 for label, row in told.items())
    said = "; ".join(f"{label} {_restored(row, label)}" for label, row in told.items())
    return Check(name, ok, said or "not measured")


def _most_restored(rows: list[dict[str, Any]], label: str) -> dict[str, Any] | None:
    known = [row for row in rows if row["strength"] is not None and row["purified"][label]["high"] is not None]
    return max(known, key=lambda row: _margin(row, label), default=None)


def _margin(row: dict[str, Any], label: str) -> float:
    return float(row["strength"] - row["purified"][label]["high"])


def _restored(row: dict[str, Any] | None, label: str) -> str:
    if row is None:
        return "not measured"
    return f"{row['protection']} {row['strength']} to {_interval(row['purified'][label])}"


def _enough(portraits: int) -> Check:
    """Over few portraits intervals are so wide that noise always seems to do nothing: no model passes on them."""
    return Check("measured on enough portraits", portraits >= ENOUGH, f"{portraits} (at least {ENOUGH})")


def _interval(row: dict[str, Any]) -> str:
    return f"{row['strength']} [{row['low']}, {row['high']}]"


def run(name: str, portraits: int = 16) -> Iterator[Check]:
    """The gate as contract checks, for `antibench check MODEL`: a look at fewer portraits than a verdict needs."""
    figures = measure(name, portraits, Path("results/store"), Path("results/runs"))
    for answer in judge(figures):
        yield Check(f"gate: {answer.name}", answer.ok, answer.detail)


def write_card(name: str, figures: dict[str, Any]) -> bool:
    """Put the figures and the verdict into the model's card. Returns whether the model passes."""
    folder = Path(str(files("antibench.zoo"))) / "weights" / name
    answers = [*judge(figures), _enough(figures["portraits"])]
    passed = all(answer.ok for answer in answers)
    training = folder / "training.json"
    card = {
        "model": figures["model"],
        "suite": figures["suite"],
        "gate": "passed" if passed else "failed",
        "answers": [{"question": a.name, "ok": a.ok, "found": a.detail} for a in answers],
        "figures": figures,
        "training": json.loads(training.read_text()) if training.is_file() else {},
    }
    (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n")
    return passed


def main(arguments: list[str] | None = None) -> int:
    """The command line: exit code 0 if the model passes, 3 if not."""
    parser = argparse.ArgumentParser(prog="python -m antibench.zoo.gate", description=__doc__)
    parser.add_argument("name", choices=sorted(RECIPES))
    parser.add_argument("--portraits", type=int, default=ENOUGH)
    parser.add_argument("--first", type=int, default=0, help="index of the first portrait; others confirm a verdict")
    parser.add_argument("--store", type=Path, default=Path("results/store"))
    parser.add_argument("--runs", type=Path, default=Path("results/runs"))
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    given = parser.parse_args(arguments)
    figures = measure(
        given.name, given.portraits, given.store, given.runs, given.workers, first=given.first, device=given.device
    )
    for answer in judge(figures):
        print(f"{'ok' if answer.ok else 'FAIL':<4}  {answer.name}: {answer.detail}", file=sys.stderr)
    return 0 if write_card(given.name, figures) else 3


if __name__ == "__main__":
    raise SystemExit(main())
