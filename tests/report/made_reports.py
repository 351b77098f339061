"""Made-up runs as folders, and their pages as trees, for the tests of `antibench report`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup, Tag

sys.path.append(str(Path(__file__).resolve().parents[1] / "results"))

import numpy as np
from made_up_runs import World, metric
from run_folders import write
from several_budgets import several_budgets

from antibench.report.html.changes import Comparing
from antibench.report.html.page import Page, parts_of
from antibench.report.html.reading import Reported, reported

GRID = {"none": 0.7, "jpeg(90)": 0.5, "jpeg(50)": 0.2}
TWO = {"strong": GRID, "weak": {name: strength / 2 for name, strength in GRID.items()}}


def reported_world(folder: Path, world: World | None = None) -> Reported:
    """A run as read from a folder that is made for it."""
    write(world or World(TWO, noise=0.03, gate="passed"), folder)
    return reported(folder)


def with_transfer(noise: float = 0.03) -> World:
    """Two protections made on `zoo-small`, shown to `other-small` without purification only."""
    home = World(TWO, noise=noise, gate="passed")
    away = World(
        {"strong": {"none": 0.3}, "weak": {"none": 0.1}}, noise=noise, gate="passed", target="other-small", seed=1
    )
    for line in away.cells:
        line["surrogate"] = line["surrogate"] and home.target
    home.header["models"] += away.header["models"]
    home.header["targets"].append(away.target)
    home.cells += [line for line in away.cells if line["target"]]
    return home


def rich_world() -> World:
    """Two protections at two budgets and seeds, with metrics to choose a purification by, own inputs, and a failure."""
    world = several_budgets({4: TWO, 8: TWO}, noise=0.05, seeds=(0, 1), photo_damage=0.3)
    drawn = np.random.default_rng(3)
    copied = {
        "ism-own-input[dlib]": ("ism0[dlib]", "lower", "video"),
        "features-photo[vgg]": ("ism-photo[dlib]", "lower", "photo"),
        "vae-consistency[small]": ("ism-photo[dlib]", "neither", "photo"),
    }
    for name, (like, direction, scope) in copied.items():
        world.header["metrics"].append(metric(name, direction, scope=scope))
        world.cells += [
            {**line, "metric": name, "value": line["value"] + float(drawn.normal(0, 0.05))}
            for line in world.cells
            if line["metric"] == like
        ]
    lost = ("weak", "fdfr[mtcnn]", "jpeg(90)", "portrait-0002", 8)
    for line in world.cells:
        if tuple(line[key] for key in ("protection", "metric", "purification", "case", "budget")) == lost:
            line.update(status="failed", value=None, reason="no face in any frame")
    return world


def relabelled(world: World, names: dict[str, str]) -> World:
    """The same run with other names of photos, protections or whatever else is a text."""

    def named(value: Any) -> Any:
        if isinstance(value, str):
            return names.get(value, value)
        if isinstance(value, dict):
            return {key: named(item) for key, item in value.items()}
        return [named(item) for item in value] if isinstance(value, list) else value

    world.header, world.cells, world.costs = named(world.header), named(world.cells), named(world.costs)
    return world


def html_of(run: Reported, comparisons: Sequence[Comparing] = (), **options: Any) -> str:
    """The page of a run."""
    return Page(parts_of(run), comparisons).html(**options)


def tree_of(html: str) -> BeautifulSoup:
    """A page as a tree."""
    return BeautifulSoup(html, "html.parser")


def element(tree: BeautifulSoup | Tag, selector: str) -> Tag:
    """The one element of a selector."""
    (found,) = tree.select(selector)
    return found


def json_in(tree: BeautifulSoup, name: str) -> Any:
    """The data that a page's script reads."""
    return json.loads(element(tree, f"script#{name}").text)
