"""``antibench baseline``: keeping a run to compare later runs against."""

from __future__ import annotations

from pathlib import Path

import click

from antibench.errors import UserError
from antibench.report import FORMATS

FILE = click.Path(path_type=Path)


@click.group()
def baseline() -> None:
    """Keep what a run scored in a small file, to compare later runs against.

    \b
    antibench run --suite ci
    antibench baseline accept results/runs/ci-0123456789ab     writes results/baselines/ci.json
    antibench compare results/baselines/ci.json results/runs/ci-ba9876543210
    """


@baseline.command()
@click.argument("run", type=FILE)
@click.option("--to", type=FILE, help="File to write. [results/baselines/SUITE.json]")
@click.option("--incomplete", is_flag=True, help="Accept a run in which scores failed or were not run.")
@click.option("--headline-only", is_flag=True, help="Leave out all metrics but the headline and its photo twin.")
def accept(run: Path, to: Path | None, incomplete: bool, headline_only: bool) -> None:
    """Make the run in folder RUN the baseline of its suite, and say how it compares with the one before."""
    from antibench.baseline import accept as accept_run
    from antibench.baseline import baseline_path
    from antibench.runfiles import read_plan

    path = to or baseline_path(str(read_plan(run)["header"]["suite"]))
    told = _against_the_one_before(path, run)
    accept_run(run, path, incomplete=incomplete, headline_only=headline_only)
    click.echo(f"{path}: the baseline is now {run}")
    if told:
        click.echo(told)


def _against_the_one_before(path: Path, run: Path) -> str | None:
    from antibench.baseline import read_results
    from antibench.compare import compare
    from antibench.report.comparison import comparison_text

    if not path.exists():
        return None
    try:
        before, after = read_results(path), read_results(run)
        found = compare(before.header, before.cells, after.header, after.cells, missing="ignore")
    except UserError as error:
        return f"Not compared with the one before: {error}"
    return f"Against the one before: {comparison_text(found).splitlines()[0]}"


@baseline.command()
@click.argument("name", required=False)
@click.option("--format", "format_", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--metric", metavar="M", help="What the main tables are about; default the suite's headline.")
def show(name: str | None, format_: str, as_json: bool, metric: str | None) -> None:
    """Print the baseline of suite NAME, or of the file NAME; without it, list what lies in results/baselines."""
    from antibench.baseline import FOLDER, baseline_path, origin, read_baseline
    from antibench.report import render

    if name is None:
        files = sorted(FOLDER.glob("*.json"))
        for file in files:
            held = read_baseline(file)
            suite = f"{held.run.header['suite']}@{held.run.header['suite_version']}"
            click.echo(f"{file}: suite {suite}, {len(held.run.header['cases'])} photos, {origin(held.provenance)}")
        if not files:
            raise UserError(f"{FOLDER} holds no baseline; `antibench baseline accept RUN` makes one")
        return
    looks_like_a_path = name.endswith(".json") or "/" in name or "\\" in name
    path = Path(name) if looks_like_a_path else baseline_path(name)
    held = read_baseline(path)
    chosen = "json" if as_json else format_
    if chosen in ("table", "markdown"):
        click.echo(f"{path}: {origin(held.provenance)}\n")
    click.echo(render(held.run.summary(), chosen, metric=metric), nl=False)
