"""Does each protection's optimiser do its work? Its loss over the steps and its gradient, for every entry of a suite.

``python benchmarks/optimisers.py --suite full --photos 2 --json docs/results/optimisers.jsonl`` appends one line a
protection: the objective at fixed draws (`antibench.diagnosis`) at the clean photo, after a quarter, a half, three
quarters and all of the steps, and at random signs of the same size; the share of zero gradients; the gradient's root
mean square at the clean photo and at the result; by how many levels the result differs. Means over the photos, which no
suite scores. What is in the file is not run again.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from antibench.contracts import Case, Protection
from antibench.diagnosis.measure import BUDGET, Photo, Setting
from antibench.pixels import to_float
from antibench.registry import DATASETS, MODELS
from antibench.resolve import instance, modified_protection
from antibench.suite_file import load_suite

QUARTERS = 5


def of_photo(photo: Photo) -> dict[str, Any]:
    """The figures of one photo; of what does not descend, only by how much it changes the photo."""
    settled = photo.protected()
    apart = np.abs(settled.image.astype(int) - photo.clean.astype(int))
    found: dict[str, Any] = {"levels": int(apart.max()), "mean_levels": float(apart.mean())}
    held = photo.held
    if held is None:
        return found
    seen = [photo.clean, *photo.steps.seen[1:], settled.image]
    places = np.linspace(0, len(seen) - 1, QUARTERS).round().astype(int)
    return found | {
        "loss": [float(held.values(to_float(seen[place])).mean()) for place in places],
        "loss_of_noise": float(held.values(to_float(photo.noise())).mean()),
        "zeros": float(np.mean(photo.steps.zeros)) if photo.steps.zeros else 1.0,
        "gradient": [_size(held.gradient(to_float(image))) for image in (photo.clean, settled.image)],
    }


def _size(gradient: torch.Tensor) -> float:
    return float(gradient.square().mean().sqrt())


def row(label: str, plugin: Protection, setting: Setting) -> dict[str, Any]:
    """Means over the photos."""
    photos = [of_photo(Photo(plugin, setting, case, index)) for index, case in enumerate(setting.cases)]
    means = {key: np.mean([photo[key] for photo in photos], axis=0).tolist() for key in photos[0]}
    return {"label": label, "budget": BUDGET, "photos": len(photos), "torch": torch.__version__, **means}


def table(lines: list[str]) -> str:
    """The file as a Markdown table."""
    found = [
        "| protection | loss: clean, 1/4, 1/2, 3/4, all steps | random signs | zero gradients | last / first gradient "
        "| mean levels |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for row in map(json.loads, lines):
        if "loss" not in row:
            found.append(f"| {row['label']} | does not descend | - | - | - | {row['mean_levels']:.1f} |")
            continue
        first, last = row["gradient"]
        ratio = f"{last / first:.2g}" if first else "from 0"
        loss = ", ".join(f"{value:.3g}" for value in row["loss"])
        cells = [row["label"], loss, f"{row['loss_of_noise']:.3g}", f"{row['zeros']:.1%}", ratio]
        found.append("| " + " | ".join([*cells, f"{row['mean_levels']:.1f}"]) + " |")
    return "\n".join(found) + "\n"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", default="full")
    parser.add_argument("--surrogate", default="dynamicrafter-small")
    parser.add_argument("--photos", type=int, default=2)
    parser.add_argument("-p", "--protection", action="append", help="only this name; repeatable")
    parser.add_argument("--json", type=Path, required=True, help="file to append to")
    parser.add_argument("--table", action="store_true", help="print the file as Markdown and run nothing")
    given = parser.parse_args()
    if given.table:
        sys.stdout.write(table(given.json.read_text().splitlines()))
        return
    suite = load_suite(given.suite, [])
    model = MODELS.create(given.surrogate).load("cpu")
    dataset = DATASETS.create("portraits", {"count": given.photos, "split": "tune"})
    setting = Setting(model, [case for case in dataset.cases() if isinstance(case, Case)])
    known = given.json.read_text().splitlines() if given.json.is_file() else []
    done = {json.loads(line)["label"] for line in known}
    for choice in suite.protections:
        if given.surrogate not in (choice.surrogates or [given.surrogate]):
            continue
        facts = modified_protection(choice)
        if facts.label in done or choice.name not in (given.protection or [choice.name]):
            continue
        found = row(facts.label, instance(facts), setting)
        line = {"suite": f"{suite.name}@{suite.version}", "model": f"{model.name}@{model.version}", **found}
        print(facts.label, found.get("loss"), file=sys.stderr)
        with given.json.open("a") as file:
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
