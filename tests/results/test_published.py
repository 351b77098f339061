"""The suite `paper` stands beside the figures that were published."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
from made_up_runs import World
from PIL import Image

from antibench.cli import main
from antibench.registry import METRICS, MODELS, PROTECTIONS
from antibench.report import render
from antibench.report.published import beside_published, figures
from antibench.suite_file import load_suite
from antibench.summary import summarise


def test_every_figure_is_of_something_that_the_suite_runs() -> None:
    suite = load_suite("paper")
    protections = {choice.name for choice in suite.protections}
    for figure in figures():
        assert figure["model"] in {choice.name for choice in suite.models}
        assert figure["protection"] in protections | {"clean"}
        assert set(figure["values"]) <= {choice.name for choice in suite.metrics}
    for name, registry in ((suite.metrics[0].name, METRICS), (suite.models[0].name, MODELS), ("anti-i2v", PROTECTIONS)):
        assert registry.load(name)


def test_the_derived_figures_follow_from_the_projects_means() -> None:
    """ISM, Q-Align of the video and DINO over the three models, clean and protected."""
    means = {
        "ism[deepface]": {"clean": 0.616, "anti-i2v": 0.353},
        "q-align-video": {"clean": 0.793, "anti-i2v": 0.378},
        "dino-image[vitb16]": {"clean": 0.754, "anti-i2v": 0.534},
    }
    for metric, sides in means.items():
        for side, mean in sides.items():
            values = [figure["values"][metric] for figure in figures() if figure["protection"] == side]
            assert len(values) == 3
            assert np.mean(values) == pytest.approx(mean, abs=6e-4)


def test_measured_means_stand_beside_the_published_ones() -> None:
    world = World({"anti-i2v": {"none": 0.6}, "advdm": {"none": 0.3}}, noise=0.02, target="dynamicrafter-512")
    summary = summarise(world.header, world.cells, world.costs)
    assert beside_published(summary) == []  # another suite
    rows = [{**row, "metric": "ism[deepface]"} for row in summary["rows"] if row["metric"] == summary["headline"]]
    summary = {**summary, "suite": "paper", "rows": rows}
    (table,) = beside_published(summary)
    assert len(table.rows) == sum(len(figure["values"]) for figure in figures()) == 36
    means = {row["protection"]: row["means"] for row in summary["rows"]}
    shown = {tuple(row[:3]): row[3:] for row in table.rows}
    clean = f"{means['advdm']['clean']:.3f}"
    assert shown["clean", "dynamicrafter-512", "ism[deepface]"] == ["0.528", clean]
    for name, published in (("advdm", "0.269"), ("anti-i2v", "0.151")):
        expected = [published, f"{means[name]['protected']:.3f}"]
        assert shown[name, "dynamicrafter-512", "ism[deepface]"] == expected
    assert shown["anti-i2v", "cogvideox-5b-i2v", "ism[deepface]"] == ["0.448", "-"]
    assert shown["anti-i2v", "opensora-1.2", "q-align-video"] == ["0.555*", "-"]
    moved = copy.deepcopy(summary)
    for row in moved["rows"]:
        row["transfer"] = True
    assert {row[4] for row in beside_published(moved)[0].rows if row[0] != "clean"} == {"-"}
    titled = {**summary, "headline": "ism[deepface]"}
    assert "Beside the published figures" in render(titled, "markdown")


def test_the_suite_is_planned_on_a_folder_of_photos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        Image.new("RGB", (64, 64), (90, 80, 70)).save(tmp_path / f"{name}.png")
    with pytest.raises(SystemExit) as stop:
        main(["plan", "--suite", "paper", "--images", str(tmp_path), "--store", str(tmp_path / "store")])
    assert stop.value.code == 0
    told = capsys.readouterr().out
    assert "suite paper: 2 photos" in told
    assert "cogvideox-5b-i2v, dynamicrafter-512, opensora-1.2" in told
