"""What ``run`` and ``rescore`` end with: the answer on stdout, the place of the run on stderr."""

from __future__ import annotations

import shlex

import click

from antibench.errors import ExitCode
from antibench.report import render
from antibench.run import Ran


def print_answer(ran: Ran, as_json: bool, quiet: bool) -> ExitCode:
    """Print the summary of a run and return its exit code."""
    click.echo(render(ran.summary, "json" if as_json else "table").rstrip())
    if not quiet:
        click.echo(f"run: {ran.folder}", err=True)
        click.echo(f"as a page: {shlex.join(['antibench', 'report', str(ran.folder)])}", err=True)
    return ran.exit_code
