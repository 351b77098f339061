"""``antibench rescore``."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import click

from antibench.cli.answer import print_answer
from antibench.progress import teller
from antibench.registry import load_plugin_file
from antibench.rescore import default_store
from antibench.rescore import rescore as rescore_run
from antibench.run import Settings


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--metric", "metrics", multiple=True, help="Add this metric; repeatable.")
@click.option("--plugin", "plugins", multiple=True, type=click.Path(path_type=Path), help="Load a plugin file.")
@click.option("--store", type=click.Path(path_type=Path), help="Where the run's videos are. [RUN/../../store]")
@click.option("--workers", type=click.IntRange(min=1), help="Processes. [one a core]")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON, and nothing else, on stdout.")
@click.option("--quiet", is_flag=True, help="No progress.")
def rescore(
    run: Path,
    metrics: tuple[str, ...],
    plugins: tuple[Path, ...],
    store: Path | None,
    workers: int | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Score a run's stored videos with metrics that changed or were not there; nothing is generated.

    \b
    antibench rescore results/runs/smoke-0123456789ab --metric motion
    """
    with contextlib.redirect_stdout(sys.stderr), teller(quiet) as tell:
        for file in plugins:
            load_plugin_file(file)
        settings = Settings(run, store or default_store(run), workers, plugin_files=plugins)
        ran = rescore_run(settings, metrics, tell)
    return print_answer(ran, as_json, quiet)
