"""``antibench check NAME --diagnose``: on what, and how it is told."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from antibench.errors import ExitCode, UserError
from antibench.expression import is_expression
from antibench.registry import ALL
from antibench.report.table import Table
from antibench.report.terminal import print_tables

if TYPE_CHECKING:
    from antibench.diagnosis.findings import Finding
    from antibench.diagnosis.measure import Judge, Setting

STEPS = 40
"""Steps of a diagnosis, unless given: about ten runs a photo, of which each would take minutes with 200."""
SURROGATE = "dynamicrafter-small"
JUDGE = "ism0[dlib]"


def diagnosed(name: str, params: dict[str, Any], surrogate: str | None, photos: int, as_json: bool) -> ExitCode:
    """Diagnose a protection and print what is found."""
    findings: list[Finding] = []
    label, steps, model, found = _asked(name, params, surrogate, photos)
    while True:
        with contextlib.redirect_stdout(sys.stderr):  # what a plugin prints must not end up in the answer
            finding = next(found, None)
        if finding is None:
            break
        findings.append(finding)
        if not as_json:
            click.echo(f"{finding.verdict}: {finding.name}", err=True)
    suspicious = sum(finding.verdict == "suspicious" for finding in findings)
    if as_json:
        lines = [vars(finding) for finding in findings]
        facts = {"name": label, "surrogate": model, "photos": photos, "steps": steps, "ok": not suspicious}
        click.echo(json.dumps({**facts, "findings": lines}, indent=1))
    else:
        click.echo(_text(label, steps, model, photos, suspicious, findings))
    return ExitCode.CELLS_FAILED if suspicious else ExitCode.FINE


def _text(label: str, steps: int | None, model: str, photos: int, suspicious: int, findings: list[Finding]) -> str:
    took = "" if steps is None else f", {steps} steps"
    lines = [
        f"{label} on {model}, {photos} photos{took}: {suspicious or 'nothing'} of {len(findings)} suspicious",
        "Suspicious is a reason to look, not a proof; ok on a few photos is no proof either.",
    ]
    rows = [[item.name, item.verdict, " - ".join(filter(None, (item.found, item.why)))] for item in findings]
    return print_tables(lines, [Table("Diagnosis", ["question", "verdict", "found"], rows, left=3)], [], None)


def _asked(
    name: str, params: dict[str, Any], surrogate: str | None, photos: int
) -> tuple[str, int | None, str, Iterator[Finding]]:
    """Label, steps, name of the model, and the findings as they come."""
    from antibench.diagnosis.measure import diagnose, steps_of
    from antibench.resolve import instance, modified_protection
    from antibench.suite import ProtectionChoice

    if is_expression(name) and "+" not in name.partition("(")[0]:
        raise UserError(f"--diagnose is for protections; {name!r} is a composition of purifications")
    choice = ProtectionChoice(name=name, **params)
    cls = ALL["protections"].load(choice.expression.name)
    if "steps" in cls.__dataclass_fields__ and "steps" not in params:
        choice = ProtectionChoice(name=name, **{**params, "steps": STEPS})
    facts = modified_protection(choice)
    plugin = instance(facts)
    members = [model.name for model in facts.ensemble.models] if facts.ensemble else [surrogate or SURROGATE]
    if facts.ensemble and surrogate:
        raise UserError("--surrogate: the ensemble says what it is made on")
    setting = _setting(members, photos)
    missing = sorted(facts.needs - {"references"} - setting.surrogate.gives)
    if missing:
        raise UserError(f"{name!r} needs {', '.join(missing)}, which {members[0]} does not give")
    return facts.label, steps_of(plugin), "+".join(members), diagnose(plugin, setting)


def _setting(members: list[str], photos: int) -> Setting:
    from antibench.contracts import Case
    from antibench.diagnosis.measure import Setting

    specs = [ALL["models"].create(name) for name in members]
    small = all(spec.card.world == "small" for spec in specs)
    surrogate, *others = (spec.load("cpu") for spec in specs)
    dataset = ALL["datasets"].create("portraits", {"count": photos, "split": "tune"})
    cases = [case for case in dataset.cases() if isinstance(case, Case)]
    return Setting(surrogate, cases, others, _judge() if small else None)


def _judge() -> Judge:
    from antibench.contracts import CellView, Unscored

    metric = ALL["metrics"].create(JUDGE)

    def likeness(photo: Any, frames: Any) -> float:
        score = metric.score(CellView(photo, photo, photo, frames, frames, world="small"))
        return float("nan") if isinstance(score, Unscored) else float(score)

    return likeness
