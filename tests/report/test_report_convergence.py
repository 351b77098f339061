"""What a diagnosis found is drawn as it was found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_reports import TWO, reported_world, tree_of
from made_up_runs import World

from antibench.cli import main
from antibench.diagnosis import findings
from antibench.errors import UserError
from antibench.report.html.convergence import convergence, read_diagnosis
from antibench.report.html.figures import Absent, Figure

HOSTILE = "</script><script>alert(1)</script>"


def diagnosis(name: str = "advdm") -> dict[str, Any]:
    found = [
        findings.curve(np.array([[3.0, 2.0, 1.0], [5.0, 2.0, 3.0]])),
        findings.by_steps({10: 0.2, 20: 0.5, 40: 0.75}),
        findings.by_budget({4: np.array([0.25, 0.75]), 8: np.array([1.0])}, "strength"),
        findings.unknown("share of zero gradients", "not known"),
    ]
    facts = {"name": name, "surrogate": "zoo-small", "photos": 2, "steps": 40, "ok": False}
    return {**facts, "findings": [vars(item) for item in found]}


def written(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value))
    return path


def test_findings_carry_the_curves_they_are_about() -> None:
    curve, steps, budgets, zeros = (item["points"] for item in diagnosis()["findings"])
    assert curve == ((0.0, 4.0), (0.5, 2.0), (1.0, 2.0))
    assert steps == ((10.0, 0.2), (20.0, 0.5), (40.0, 0.75))
    assert budgets == ((4.0, 0.5), (8.0, 1.0))
    assert zeros == ()
    assert findings.by_steps({10: 0.2, 20: float("nan"), 40: 0.75}).points == ()


def test_every_point_of_a_diagnosis_is_drawn_and_every_finding_listed(tmp_path: Path) -> None:
    figure = convergence([read_diagnosis(written(tmp_path / "a.json", diagnosis()))])
    assert isinstance(figure, Figure)
    (values,) = figure.spec["datasets"].values()
    assert {item["name"] for item in values} == {"advdm"}
    assert [(item["curve"], item["over"], item["x"], item["y"]) for item in values] == [
        ("loss over the steps", "share of the steps", 0.0, 4.0),
        ("loss over the steps", "share of the steps", 0.5, 2.0),
        ("loss over the steps", "share of the steps", 1.0, 2.0),
        ("objective over the number of steps", "steps", 10.0, 0.2),
        ("objective over the number of steps", "steps", 20.0, 0.5),
        ("objective over the number of steps", "steps", 40.0, 0.75),
        ("strength over the budget", "levels", 4.0, 0.5),
        ("strength over the budget", "levels", 8.0, 1.0),
    ]
    assert [row[2:4] for row in figure.table.rows] == [
        ["loss over the steps", "ok"],
        ["objective over the number of steps", "suspicious"],
        ["strength over the budget", "ok"],
        ["share of zero gradients", "unknown"],
    ]
    assert "advdm on zoo-small, 2 photos, 40 steps: suspicious objective over the number of steps" in figure.caption


def test_one_protection_on_two_models_has_a_row_for_each(tmp_path: Path) -> None:
    both = [diagnosis(), {**diagnosis(), "surrogate": "other-small"}]
    figure = convergence([read_diagnosis(written(tmp_path / "a.json", item)) for item in both])
    assert isinstance(figure, Figure)
    (values,) = figure.spec["datasets"].values()
    assert {item["name"] for item in values} == {"advdm on zoo-small", "advdm on other-small"}


def test_without_a_curve_the_reason_stands_there(tmp_path: Path) -> None:
    bare = {**diagnosis(), "findings": diagnosis()["findings"][3:]}
    for given, reason in (([], "a run keeps no loss by step"), ([bare], "none of the diagnoses has a curve")):
        found = convergence([read_diagnosis(written(tmp_path / "a.json", item)) for item in given])
        assert isinstance(found, Absent)
        assert found.reason.startswith(reason)


def test_the_page_has_the_figure_of_a_diagnosis_as_text(tmp_path: Path) -> None:
    reported_world(tmp_path / "run", World(TWO, noise=0.03))
    files = [written(tmp_path / f"{index}.json", diagnosis(name)) for index, name in enumerate(("advdm", HOSTILE))]
    options = [argument for path in files for argument in ("--diagnosis", str(path))]
    with pytest.raises(SystemExit) as stop:
        main(["report", str(tmp_path / "run"), "-o", str(tmp_path / "page.html"), "--no-media", *options])
    assert stop.value.code == 0
    html = (tmp_path / "page.html").read_text()
    assert HOSTILE not in html
    cells = [cell.text for cell in tree_of(html).select("#figure-convergence tbody th")]
    assert cells == ["advdm"] * 4 + [HOSTILE] * 4


@pytest.mark.parametrize(
    "value", [[], {}, {**diagnosis(), "findings": [{"name": "loss"}]}, {**diagnosis(), "steps": "many"}]
)
def test_another_file_is_refused(tmp_path: Path, value: object) -> None:
    with pytest.raises(
        UserError, match=r"a\.json is no diagnosis; `antibench check NAME --diagnose --json` prints one"
    ):
        read_diagnosis(written(tmp_path / "a.json", value))
    with pytest.raises(UserError, match="no such file"):
        read_diagnosis(tmp_path / "b.json")
