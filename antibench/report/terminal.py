"""The terminal's tables: colour in a terminal, plain text elsewhere."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from antibench.report.notes import footnotes, preamble
from antibench.report.numbers import printable
from antibench.report.table import Table
from antibench.report.tables import tables

PLAIN_WIDTH = 100


def terminal(summary: Mapping[str, Any], metric: str | None, width: int | None) -> str:
    """The answer, then the tables."""
    lines = [summary["answer"], *preamble(summary)]
    return print_tables(lines, tables(summary, metric), footnotes(summary, metric), width)


def print_tables(lines: list[str], found: list[Table], notes: list[str], width: int | None) -> str:
    """Lines, tables and notes as text. Nothing of it is read as markup; control characters are shown, not sent."""
    colour = sys.stdout.isatty()
    own = shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns if colour else PLAIN_WIDTH
    out = io.StringIO()
    console = Console(file=out, width=width or own, force_terminal=colour, highlight=False, markup=False, emoji=False)
    for index, line in enumerate(lines):
        console.print(_text(line, "bold" if index == 0 else ""), soft_wrap=index == 0)
    for table in found:
        console.print()
        console.print(_text(table.title, "bold"))
        console.print(_rich(table))
    for line in notes:
        console.print(_text(line, "dim"))
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n"))


def _text(text: str, style: str = "") -> Text:
    return Text(printable(text), style=style)


def _rich(table: Table) -> RichTable:
    rich = RichTable(box=box.SIMPLE_HEAD, padding=0, show_edge=False, pad_edge=False)
    for index, name in enumerate(table.columns):
        rich.add_column(_text(name), justify="right" if index >= table.left else "left", overflow="fold")
    for row in table.rows:
        rich.add_row(*(_text(cell) for cell in row))
    return rich
