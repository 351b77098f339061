"""The table of a study holds what its rows have more than its base."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from made_up_runs import World

from antibench.scores import Scores

FILE = Path(__file__).parents[2] / "benchmarks/study.py"


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("study", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "study", module)  # its dataclasses look there
    spec.loader.exec_module(module)
    return module


def test_differences_are_paired_and_averaged_over_models(study: ModuleType) -> None:
    home = World({"base": {"none": 0.3}, "more": {"none": 0.5}}, noise=0.0, target="one")
    away = World({"base@b": {"none": 0.2}, "more@b": {"none": 0.8}}, noise=0.0, target="two", seed=1)
    home.header["protections"] += [item for item in away.header["protections"] if item["label"].endswith("@b")]
    home.header["models"] += away.header["models"]
    home.header["targets"].append(away.target)
    home.cells += [line for line in away.cells if line["target"]]
    for line in home.cells:
        if line["surrogate"]:
            line["surrogate"] = line["target"]
    found = study.settings(Scores(home.header, home.cells), "ism0[dlib]")
    assert {setting: list(tried) for setting, tried in found.items()} == {
        "base": ["one", "two"],
        "more": ["one", "two"],
    }
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in study.table(found, "base")]
    head, _, base, more = lines
    assert head[0] == "setting"
    assert (base[0], base[2], base[4:]) == ("base", "", ["", "", ""])
    # The made-up photos differ by a little more than rounding.
    assert [float(base[1]), float(base[3])] == pytest.approx([0.3, 0.2], abs=0.015)
    assert [float(more[1]), float(more[3])] == pytest.approx([0.5, 0.8], abs=0.015)
    apart = [float(cell.split()[0]) for cell in (more[2], more[4], more[5])]
    assert apart == pytest.approx([0.2, 0.6, 0.4], abs=0.015)
    assert more[6] == "0.01 (0.01)"  # 2 of 256 signs of eight photos
