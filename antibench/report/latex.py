"""LaTeX: booktabs tables for a paper, the answer as a comment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from antibench.report.notes import footnotes, preamble
from antibench.report.numbers import printable
from antibench.report.table import Table
from antibench.report.tables import tables

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "[": "{[}",
    "]": "{]}",
    "±": r"$\pm$",
    "→": r"$\rightarrow$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
}


def latex(summary: Mapping[str, Any], metric: str | None) -> str:
    """Floats for ``\\usepackage{booktabs}``; all text of the run is escaped."""
    lines = [summary["answer"], *preamble(summary), *footnotes(summary, metric), "needs \\usepackage{booktabs}"]
    comments = "\n".join(f"% {printable(' '.join(line.split()))}" for line in lines)
    return "\n\n".join([comments, *(booktabs(table) for table in tables(summary, metric))]) + "\n"


def escape(text: str) -> str:
    """Text that LaTeX prints as it is, on one line. A bracket is braced, so that it is no option of ``\\\\``."""
    return "".join(SPECIAL.get(character, character) for character in printable(" ".join(text.split())))


def booktabs(table: Table) -> str:
    """A float of one table, all its text escaped."""
    body = [" & ".join(escape(cell) for cell in row) + r" \\" for row in table.rows]
    return "\n".join(
        [
            r"\begin{table}[t]",
            r"\centering",
            rf"\caption{{{escape(table.title)}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}",
            r"\toprule",
            " & ".join(escape(name) for name in table.columns) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )
