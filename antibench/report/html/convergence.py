"""Convergence: what `antibench check NAME --diagnose --json` found, drawn beside the run that it is about.

A run keeps no loss by step, since each step draws its own noise. A diagnosis descends again and looks at fixed draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from antibench.errors import UserError
from antibench.report.html import charts
from antibench.report.html.figures import Absent, Figure
from antibench.report.table import Table
from antibench.runfiles import read_json

TITLE = "Convergence"
HOW = "antibench check NAME --diagnose --json > NAME.json, then antibench report --diagnosis NAME.json"
CURVES = {
    "loss over the steps": "share of the steps",
    "objective over the number of steps": "steps",
    "objective over the budget": "levels",
    "strength over the budget": "levels",
}
"""What is drawn of a diagnosis, over what."""


@dataclass(frozen=True)
class Diagnosis:
    """One file: the protection's label, the surrogate, and its findings as `antibench.diagnosis.findings` has them."""

    name: str
    surrogate: str
    photos: int
    steps: int | None
    findings: Sequence[dict[str, Any]]


def read_diagnosis(path: Path) -> Diagnosis:
    """Read what `check --diagnose --json` printed.

    Raises:
        UserError: if the file is not there or holds something else.
    """
    value = read_json(path, absent=f"{path}: no such file; `antibench check NAME --diagnose --json` prints one")
    try:
        findings = [
            {
                **{key: str(item[key]) for key in ("name", "verdict", "found", "why")},
                "points": [(float(x), float(y)) for x, y in item["points"]],
            }
            for item in value["findings"]
        ]
        steps = None if value["steps"] is None else int(value["steps"])
        return Diagnosis(str(value["name"]), str(value["surrogate"]), int(value["photos"]), steps, findings)
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{path} is no diagnosis; `antibench check NAME --diagnose --json` prints one") from None


def convergence(diagnoses: Sequence[Diagnosis]) -> Figure | Absent:
    """The curves of diagnoses, a row each, and all that they found as the figure's table."""
    alike = len({item.name for item in diagnoses}) < len(diagnoses)
    values = [
        {
            "name": f"{item.name} on {item.surrogate}" if alike else item.name,
            "curve": finding["name"],
            "over": CURVES[finding["name"]],
            "x": x,
            "y": y,
        }
        for item in diagnoses
        for finding in item.findings
        if finding["name"] in CURVES
        for x, y in finding["points"]
    ]
    if not values:
        reason = "none of the diagnoses has a curve" if diagnoses else f"a run keeps no loss by step; {HOW}"
        return Absent(TITLE, reason)
    body = [
        [
            item.name,
            item.surrogate,
            finding["name"],
            finding["verdict"],
            " - ".join(filter(None, (finding["found"], finding["why"]))),
        ]
        for item in diagnoses
        for finding in item.findings
    ]
    told = "; ".join(_told(item) for item in diagnoses)
    caption = (
        "Descended again at fixed draws (antibench check --diagnose): the loss over the share of the steps taken, the "
        f"effect over the number of steps and the budget. {told}."
    )
    table = Table(TITLE, ["protection", "made on", "question", "verdict", "found"], body, left=5)
    return Figure("figure-convergence", TITLE, caption, charts.descents(values), table)


def _told(item: Diagnosis) -> str:
    """What a diagnosis says in a few words."""
    suspicious = ", ".join(finding["name"] for finding in item.findings if finding["verdict"] == "suspicious")
    steps = "" if item.steps is None else f", {item.steps} steps"
    return f"{item.name} on {item.surrogate}, {item.photos} photos{steps}: suspicious {suspicious or 'in nothing'}"
