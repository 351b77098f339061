"""The leaderboard and the figures as files for a paper."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from antibench.errors import UserError
from antibench.report import plain_cell
from antibench.report.html.charts import PRINTED
from antibench.report.html.figures import Figure
from antibench.report.html.leaderboard import KINDS, Leaderboard, Line
from antibench.report.latex import booktabs
from antibench.report.markdown import pipe_table
from antibench.store import write_atomically

NO_NETWORK: list[str] = []
"""Base URLs that a figure may read from while it is drawn."""


def texts(board: Leaderboard) -> dict[str, str]:
    """Name of a format -> the leaderboard in it."""
    table = board.table()
    return {
        "Markdown": pipe_table(table) + "\n",
        "CSV": as_csv(board),
        "LaTeX": "% needs \\usepackage{booktabs}\n" + booktabs(table) + "\n",
    }


def as_csv(board: Leaderboard) -> str:
    """One line a line of the leaderboard, with the summary's own numbers; empty where there is none."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [column.key for column in board.columns]
    bounds: dict[str, tuple[str, ...]] = {key: KINDS[key][1:] for key in names if key in KINDS}
    heads = [head for key in names for head in (key, *bounds.get(key, ()))]
    writer.writerow(
        [
            "protection",
            "role",
            "surrogate",
            "model",
            "gate",
            "levels",
            "rank",
            "ties",
            "beyond_noise",
            *map(plain_cell, heads),
        ]
    )
    for line in board.lines:
        writer.writerow([plain_cell(cell) for cell in (*_named(line), *_numbers(line, bounds))])
    return out.getvalue()


def _named(line: Line) -> list[Any]:
    row = line.row
    first = (row["protection"], row["role"], row["surrogate"], row["target"], row["gate"], row["budget"])
    return [*first, *("" if part == "-" else part for part in line.rank), row["beyond_noise"]]


def _numbers(line: Line, bounds: dict[str, tuple[str, ...]]) -> list[Any]:
    found: list[Any] = []
    for item in line.numbers:
        found += [item.value, *(line.row[name] for name in bounds.get(item.key, ()))]
    return found


def write_paper(folder: Path, board: Leaderboard, figures: Sequence[Figure]) -> list[Path]:
    """Write the tables, and each figure as SVG, PDF and Vega-Lite.

    Returns:
        The files.

    Raises:
        UserError: the folder cannot be written.
    """
    import vl_convert

    found = texts(board)
    named = {"table.md": found["Markdown"], "table.csv": found["CSV"], "table.tex": found["LaTeX"]}
    contents = {name: text.encode() for name, text in named.items()}
    for figure in figures:
        contents[f"{figure.id}.vl.json"] = json.dumps({**figure.spec, "config": PRINTED}, indent=1).encode()
        drawn = vl_convert.vegalite_to_svg(figure.spec, config=PRINTED, allowed_base_urls=NO_NETWORK)
        contents[f"{figure.id}.svg"] = drawn.encode()
        contents[f"{figure.id}.pdf"] = vl_convert.vegalite_to_pdf(
            figure.spec, config=PRINTED, allowed_base_urls=NO_NETWORK
        )
    return write_files(folder, contents)


def write_files(folder: Path, contents: dict[str, bytes]) -> list[Path]:
    """Write files into a folder, which is made.

    Raises:
        UserError: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            write_atomically(folder / name, content, durable=False)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror or error}") from error
    return [folder / name for name in contents]
