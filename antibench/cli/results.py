"""``antibench show`` and ``antibench compare``: reading results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from antibench.errors import ExitCode
from antibench.report import FORMATS
from antibench.tolerance import TOLERANCE

if TYPE_CHECKING:
    from antibench.compare import Missing

RUN = click.Path(path_type=Path)


@click.command()
@click.argument("run", type=RUN)
@click.option("--format", "format_", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--metric", metavar="M", help="What the main tables are about; default the suite's headline.")
def show(run: Path, format_: str, as_json: bool, metric: str | None) -> None:
    """Print the results of the run in folder RUN; its first line is the answer."""
    from antibench.report import render
    from antibench.runfiles import read_summary

    click.echo(render(read_summary(run), "json" if as_json else format_, metric=metric), nl=False)


@click.command()
@click.argument("a", type=RUN)
@click.argument("b", type=RUN)
@click.option("--tolerance", type=click.FloatRange(min=0), default=TOLERANCE, show_default=True, help="Accepted loss.")
@click.option("--metric", metavar="M", help="What to compare by; default A's headline.")
@click.option(
    "--missing",
    type=click.Choice(["fail", "new", "ignore"]),
    default="fail",
    show_default=True,
    help="If B lacks what A has: exit 3 (fail), the same but A itself need not exist yet (new), or only tell (ignore).",
)
@click.option("--each", is_flag=True, help="Judge every purification by itself too, as the pytest plugin does.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare(
    a: Path, b: Path, tolerance: float, metric: str | None, missing: Missing, each: bool, as_json: bool
) -> ExitCode:
    """Compare run B with the earlier run A: has a protection got weaker?

    Each of the two is the folder of a run, or the file of a baseline (`antibench baseline accept`).

    Exit code: 0 no, 1 weaker beyond the tolerance, 3 scores that A has failed in B, 4 usage, 5 nothing compared.
    """
    from antibench.baseline import read_results
    from antibench.compare import compare as compare_runs
    from antibench.report.comparison import comparison_json, comparison_text

    after = read_results(b)
    if missing != "fail" and not a.exists():
        click.echo(
            json.dumps({"exit_code": 0, "new": [str(b)]}) if as_json else f"No baseline at {a}: all of {b} is new"
        )
        return ExitCode.FINE
    before = read_results(a)
    found = compare_runs(
        *(before.header, before.cells, after.header, after.cells),
        tolerance=tolerance,
        missing=missing,
        metric=metric,
        each=each,
    )
    if as_json:
        click.echo(json.dumps(comparison_json(found), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        click.echo(comparison_text(found), nl=False)
    return found.exit_code
