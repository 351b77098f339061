"""The command line. Commands load when used, so that ``--help`` and ``list`` import no torch."""

from __future__ import annotations

import importlib
from typing import Any, ClassVar

import click

from antibench import __version__
from antibench.errors import ExitCode, UserError


class LazyGroup(click.Group):
    """A group whose commands are imported on first use."""

    commands_by_name: ClassVar[dict[str, tuple[str, str]]] = {
        "run": ("antibench.cli.run:run", "Run a suite, or what is missing of it."),
        "plan": ("antibench.cli.plan:plan", "Show what a suite would run, and what is done already."),
        "list": ("antibench.cli.listing:listing", "List what is registered."),
        "info": ("antibench.cli.info:info", "Print the card of one thing."),
        "show": ("antibench.cli.results:show", "Show the result of a run."),
        "report": ("antibench.cli.report:report", "Write a run as one HTML page, or runs as a folder of pages."),
        "compare": ("antibench.cli.results:compare", "Compare two runs or baselines; exit 1 if protection got weaker."),
        "baseline": ("antibench.cli.baseline:baseline", "Keep a run to compare later runs against."),
        "power": ("antibench.cli.power:power", "How many photos does a strength need to be shown?"),
        "rescore": ("antibench.cli.rescore:rescore", "Score a run's stored videos again, or with more metrics."),
        "distance": ("antibench.cli.distance:distance", "How far a run's videos as a set are from the clean ones."),
        "check": ("antibench.cli.check:check", "Check one plugin against its contract."),
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands, in the order of use."""
        return list(self.commands_by_name)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self.commands_by_name:
            return None
        module, _, attribute = self.commands_by_name[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in self.commands_by_name.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="antibench")
def group() -> None:
    """How much protection of a photo is left after purification.

    \b
    antibench run --suite smoke               a first result in a minute
    antibench list protections                what can be run
    antibench run --suite full -p my-defense --plugin my_defense.py

    Exit codes: 0 fine, 1 weaker, 2 interrupted, 3 cells failed, 4 usage, 5 nothing compared.
    """


def main(arguments: list[str] | None = None) -> Any:
    """Entry point: run a command; errors a user can mend become one line and an exit code."""
    try:
        code = group.main(arguments, prog_name="antibench", standalone_mode=False)
    except UserError as error:
        code = _fail(str(error), error.exit_code)
    except click.ClickException as error:
        code = _fail(error.format_message(), ExitCode.USAGE)
    except (KeyboardInterrupt, click.Abort):
        code = _fail("interrupted; the same command goes on where this one stopped", ExitCode.INTERRUPTED)
    raise SystemExit(code if isinstance(code, int) else ExitCode.FINE)


def _fail(message: str, code: ExitCode) -> ExitCode:
    click.echo(f"antibench: {' '.join(message.split())}", err=True)
    return code
