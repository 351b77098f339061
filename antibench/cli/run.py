"""``antibench run``."""

from __future__ import annotations

import contextlib
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import click

from antibench.cli.answer import print_answer
from antibench.cli.options import chosen_suite, suite_options
from antibench.local_weights import local_weights
from antibench.progress import teller
from antibench.run import DEFAULT_STORE, Settings, default_out
from antibench.run import run as run_suite
from antibench.store import Store


@click.command()
@suite_options
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run. [results/runs/SUITE-ID]")
@click.option("--workers", type=click.IntRange(min=1), help="Processes. [one a core, or one a GPU]")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON, and nothing else, on stdout.")
@click.option("--quiet", is_flag=True, help="No progress.")
def run(
    out: Path | None,
    store: Path | None,
    weights: tuple[str, ...],
    device: str,
    workers: int | None,
    as_json: bool,
    quiet: bool,
    **choice: Any,
) -> int:
    """Run a suite, or what is missing of it, and print the answer.

    The same command resumes an interrupted run; what other runs of the same store have computed is not computed again.

    \b
    antibench run --suite smoke
    antibench run --suite full -p my-defense --plugin my_defense.py --workers 4
    antibench run --suite ci --images holiday/ --set budgets=[4,8] --json
    antibench run --suite smoke --model svd --device cuda --weights svd=weights/svd
    """
    signal.signal(signal.SIGTERM, _interrupt)
    with contextlib.redirect_stdout(sys.stderr):  # what a plugin prints must not end up in the answer
        suite = chosen_suite(**choice)
        with teller(quiet) as tell:
            local = local_weights(suite, weights, Store(store or DEFAULT_STORE), tell.note)
            settings = Settings(
                out=out or default_out(suite, local),
                store=store or DEFAULT_STORE,
                workers=workers,
                device=device,
                plugin_files=choice["plugins"],
                weights=local,
            )
            ran = run_suite(suite, settings, tell)
    return print_answer(ran, as_json, quiet)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
