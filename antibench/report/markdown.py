"""Markdown: the answer, the notes and pipe tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from antibench.report.notes import footnotes, preamble
from antibench.report.numbers import printable
from antibench.report.table import Table
from antibench.report.tables import tables


def markdown(summary: Mapping[str, Any], metric: str | None) -> str:
    """A document; all text of the run is escaped."""
    parts = [f"**{escape(summary['answer'])}**", "\n".join(f"- {escape(line)}" for line in preamble(summary))]
    parts += [pipe_table(table) for table in tables(summary, metric)]
    notes = footnotes(summary, metric)
    if notes:
        parts.append("\n".join(f"- {escape(line)}" for line in notes))
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Text that no Markdown reader takes for markup or HTML, on one line."""
    one_line = printable(" ".join(text.split()))
    entities = one_line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]#|!~$])", r"\\\1", entities)


def pipe_table(table: Table) -> str:
    """A table with its title in bold above it."""
    head = "| " + " | ".join(escape(name) for name in table.columns) + " |"
    rule = "|---|" + "---:|" * (len(table.columns) - 1)
    rows = ["| " + " | ".join(escape(cell) for cell in row) + " |" for row in table.rows]
    return "\n".join([f"**{escape(table.title)}**", "", head, rule, *rows])
