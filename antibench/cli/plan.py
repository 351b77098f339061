"""``antibench plan``."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import click

from antibench.cli.options import chosen_suite, suite_options
from antibench.local_weights import local_weights
from antibench.run import DEFAULT_STORE, Work, prepare
from antibench.standing import Standing, standing
from antibench.store import Store


@click.command()
@suite_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, cells included.")
def plan(store: Path | None, weights: tuple[str, ...], device: str, as_json: bool, **choice: Any) -> None:
    """Show what a suite would run, what is done already, and about how long the rest takes.

    Reads the photos (their pixels are part of what is looked up) and stores them fitted; computes nothing else.

    \b
    antibench plan --suite full
    antibench plan --suite smoke --set budgets=[4,8] --json
    """
    with contextlib.redirect_stdout(sys.stderr):
        suite = chosen_suite(**choice)
        kept = Store(store or DEFAULT_STORE)
        kept.prepare()
        local = local_weights(suite, weights, kept, lambda text: click.echo(text, err=True))
        work = prepare(suite, device, kept, local)
        state = standing(work.graph, kept)
    facts = _facts(work, state)
    click.echo(json.dumps({**facts, "cells": [cell.row() for cell in work.cells]}) if as_json else _text(facts))


def _facts(work: Work, state: Standing) -> dict[str, Any]:
    scopes = [metric.scope for metric in work.resolved.metrics]
    left, seconds = state.left, state.estimate()
    loads = {model.label for model in work.resolved.every_model}
    return {
        "suite": work.resolved.suite["name"],
        "photos": len(work.cases),
        "broken": [case.id for case in work.cases if case.broken is not None],
        "scores": sum(scopes.count(cell.scope) for cell in work.cells),
        "models": sorted(loads),
        "local_weights": sorted(work.resolved.local_weights),
        "stages": [
            {"stage": stage, "jobs": state.total[stage], "left": left[stage], "seconds": seconds[stage]}
            for stage in left
        ],
        "stale": dict(state.stale),
    }


def _text(facts: dict[str, Any]) -> str:
    lines = [f"suite {facts['suite']}: {facts['photos']} photos, {facts['scores']} scores"]
    if facts["broken"]:
        lines.append(f"unreadable photos: {', '.join(facts['broken'])}")
    lines.append(f"models, each loaded once by every worker that needs it: {', '.join(facts['models'])}")
    if facts["local_weights"]:
        lines.append(f"weights from local folders: {', '.join(facts['local_weights'])}")
    lines.append(f"{'stage':<10}{'jobs':>8}{'done':>8}{'left':>8}   one core's time for the rest")
    for row in facts["stages"]:
        done = row["jobs"] - row["left"]
        took = "unknown: none like them has run" if row["seconds"] is None else f"{row['seconds']:.1f} s"
        lines.append(f"{row['stage']:<10}{row['jobs']:>8}{done:>8}{row['left']:>8}   {took}")
    for name, count in sorted(facts["stale"].items()):
        lines.append(f"warning: the code of {name} changed, its version did not; {count} stored results are older")
    return "\n".join(lines)
