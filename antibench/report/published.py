"""The `paper` suite's rows beside the published numbers (`published.toml`, with what is known of their source)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from antibench.report.numbers import DASH, number
from antibench.report.table import Content, Row, Table, cell

SUITE = "paper"
FILE = "published.toml"
TITLE = "Beside the published figures of Anti-I2V on CelebV-Text, from secondary descriptions (* derived)"


@cache
def figures() -> tuple[Mapping[str, Any], ...]:
    """The published figures: model, protection ("clean" for none), values by metric, whether they were derived."""
    content = tomllib.loads((files("antibench.report") / FILE).read_text("utf-8"))
    return tuple(content["figure"])


def beside_published(summary: Mapping[str, Any]) -> list[Table]:
    """A table of every published figure with the mean that was measured; none for other suites than `paper`.

    Nothing says that photos, sizes and preprocessing are the paper's, so no difference is judged.
    """
    if summary["suite"] != SUITE:
        return []
    body: list[list[Content]] = [
        [
            figure["protection"],
            figure["model"],
            metric,
            number(value, 3) + ("*" if figure.get("derived") else ""),
            _measured(summary["rows"], figure["model"], figure["protection"], metric),
        ]
        for figure in figures()
        for metric, value in figure["values"].items()
    ]
    return [Table(TITLE, ["protection", "model", "metric", "published", "measured"], body, left=3)]


def _measured(rows: list[Row], model: str, protection: str, metric: str) -> Content:
    """The mean without purification; that of clean clips stands in every row of the model."""
    side = "clean" if protection == "clean" else "protected"
    found: Iterator[Content] = (
        cell(row, "means", number(row["means"][side], 3))
        for row in rows
        if row["metric"] == metric
        and row["target"] == model
        and not row["transfer"]
        and protection in ("clean", row["protection"])
    )
    return next(found, DASH)
