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
from antibench.report.tables import Table, tables

PLAIN_WIDTH = 100


def terminal(summary: Mapping[str, Any], metric: str | None, width: int | None) -> str:
    """The answer, then the tables. Text of a run is never read as markup."""
    colour = sys.stdout.isatty()
    own = shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns if colour else PLAIN_WIDTH
    out = io.StringIO()
    console = Console(file=out, width=width or own, force_terminal=colour, highlight=False, markup=False, emoji=False)
    console.print(Text(summary["answer"], style="bold"), soft_wrap=True)
    for line in preamble(summary):
        console.print(Text(line))
    for table in tables(summary, metric):
        console.print()
        console.print(Text(table.title, style="bold"))
        console.print(_rich(table))
    notes = footnotes(summary, metric)
    if notes:
        console.print()
    for line in notes:
        console.print(Text(line, style="dim"))
    return out.getvalue()


def _rich(table: Table) -> RichTable:
    rich = RichTable(box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    for index, name in enumerate(table.columns):
        rich.add_column(Text(name), justify="right" if index else "left", overflow="fold")
    for row in table.rows:
        rich.add_row(*(Text(cell) for cell in row))
    return rich
