"""Summaries as text: ``render(summary, format)``."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from antibench.errors import UserError, closest
from antibench.report.numbers import printable

Format: TypeAlias = Literal["table", "json", "csv", "markdown", "latex"]
FORMATS: tuple[Format, ...] = ("table", "json", "csv", "markdown", "latex")


def render(summary: Mapping[str, Any], format: str, *, width: int | None = None, metric: str | None = None) -> str:
    """Write a summary in one of `FORMATS`.

    Args:
        summary: From `antibench.summary.summarise`.
        format: "table" (terminal), "json" (the summary itself), "csv" (one line a row), "markdown" or "latex".
        width: Columns of the terminal table; default the terminal's own, or 100 without one.
        metric: What the main tables are about; default the suite's headline.

    Raises:
        UserError: unknown format or metric.
    """
    known = list(dict.fromkeys(row["metric"] for row in summary["rows"]))
    if metric is not None and metric not in known:
        raise UserError(
            f"this run has no strengths by {metric!r}{closest(metric, known)} (it has: {', '.join(known) or 'none'})"
        )
    if format == "json":
        return json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if format == "csv":
        return _csv(summary, metric)
    if format == "table":
        from antibench.report.terminal import terminal

        return terminal(summary, metric, width)
    if format == "markdown":
        from antibench.report.markdown import markdown

        return markdown(summary, metric)
    if format == "latex":
        from antibench.report.latex import latex

        return latex(summary, metric)
    raise UserError(f"unknown format {format!r} (there are: {', '.join(FORMATS)})")


COLUMNS = [
    *(
        "metric",
        "protection",
        "role",
        "surrogate",
        "target",
        "transfer",
        "gate",
        "budget",
        "n",
        "n_planned",
        "complete",
    ),
    *("strength", "low", "high", "worst_case", "worst_low", "worst_high", "retained"),
    *("best_of", "best_of_low", "best_of_high", "adaptive_purifier", "adaptive_purifier_low", "adaptive_purifier_high"),
    *("excess", "excess_low", "excess_high", "p_adjusted", "beyond_noise", "seconds", "peak_mib"),
]


def _csv(summary: Mapping[str, Any], metric: str | None) -> str:
    """One line a row of the summary; empty where there is no number."""
    fidelity = list(dict.fromkeys(name for row in summary["rows"] for name in row["fidelity"]))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["suite", "world", "level", *COLUMNS, *(plain_cell(name) for name in fidelity)])
    for row in summary["rows"]:
        if metric in (None, row["metric"]):
            cells = [*(row[name] for name in COLUMNS), *(row["fidelity"].get(name) for name in fidelity)]
            run = (summary["suite"], summary["world"], summary["level"])
            writer.writerow([plain_cell(cell) for cell in (*run, *cells)])
    return out.getvalue()


def plain_cell(value: Any) -> Any:
    """A CSV cell; text that a spreadsheet would take for a formula gets a leading quote."""
    if not isinstance(value, str):
        return value
    return printable(f"'{value}" if value.startswith(("=", "+", "-", "@", "\t")) else value)
