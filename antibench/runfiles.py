"""Reading a run's folder (`docs/formats.md`)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from antibench.errors import UserError
from antibench.run_memory import read_peak_mib
from antibench.scores import Line
from antibench.summary import SCHEMA as SUMMARY_SCHEMA
from antibench.summary import summarise

SCHEMA = 1
HEADER_KEYS = (
    *("suite", "suite_version", "world", "level", "headline", "metrics", "models", "cases", "budgets", "seeds"),
    *("protections", "purifications"),
)
CELL_KEYS = (
    *("cell", "metric", "status", "value", "reason", "role", "protection", "surrogate", "target", "purification"),
    *("budget", "seed", "case"),
)
COST_KEYS = ("protection", "surrogate", "budget", "case", "seconds", "peak_mib")


@dataclass(frozen=True)
class Run:
    """A run as read: its header, a line for every planned score, its costs and the peak of its memory."""

    header: dict[str, Any]
    cells: list[Line]
    costs: list[Line]
    peak_mib: float | None = None

    def summary(self) -> dict[str, Any]:
        """The summary, computed anew."""
        return summarise(self.header, self.cells, self.costs, self.peak_mib)


def read_run(folder: Path) -> Run:
    """Read a run; scores that were planned and have no line yet get the status "missing".

    Raises:
        UserError: the folder is no run, is damaged, or was written by a newer antibench.
    """
    plan = read_plan(folder)
    header = plan["header"]
    cells = list(_lines(folder / "cells.jsonl", CELL_KEYS))
    costs = list(_lines(folder / "costs.jsonl", COST_KEYS))
    return Run(header, cells + list(_missing(plan, cells)), costs, read_peak_mib(folder))


def read_summary(folder: Path) -> dict[str, Any]:
    """The summary of a run: summary.json if it is there, intact and no older than what it is derived from.

    Raises:
        UserError: as `read_run`.
    """
    header = read_plan(folder)["header"]
    stored = folder / "summary.json"
    sources = [path for name in ("plan.json", "cells.jsonl", "costs.jsonl") if (path := folder / name).exists()]
    if stored.exists() and all(stored.stat().st_mtime_ns >= path.stat().st_mtime_ns for path in sources):
        try:
            summary = json.loads(stored.read_bytes())
        except ValueError:
            summary = None
        if (
            isinstance(summary, dict)
            and summary.get("schema") == SUMMARY_SCHEMA
            and summary["suite"] == header["suite"]
        ):
            return summary
    return read_run(folder).summary()


def read_plan(folder: Path) -> dict[str, Any]:
    """What plan.json holds, its header checked.

    Raises:
        UserError: as `read_run`.
    """
    path = folder / "plan.json"
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; a run is a folder that `antibench run` made")
    plan = read_json(path, absent=f"{folder} is no run: it holds no plan.json")
    header = plan.get("header") if isinstance(plan, dict) else None
    if not isinstance(header, dict):
        raise UserError(f"{folder} is no run: its plan.json has no header")
    schema = header.get("schema")
    if not isinstance(schema, int) or schema > SCHEMA:
        raise UserError(f"{path} has schema {schema!r}, newer than this antibench reads ({SCHEMA}); upgrade antibench")
    absent = [key for key in HEADER_KEYS if key not in header]
    if absent:
        raise UserError(f"{path} is damaged: its header lacks {', '.join(absent)}")
    return dict(plan)


def read_json(path: Path, absent: str) -> Any:
    """What a file of JSON holds.

    Args:
        path: The file.
        absent: What to say if it is not there.

    Raises:
        UserError: if it is not there, cannot be read or is no JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UserError(absent) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}") from error


def _lines(path: Path, keys: tuple[str, ...]) -> Iterator[Line]:
    """The lines of a file; a last line without its end is a write that was cut off, and is left out."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    whole = content[: content.rfind(b"\n") + 1]
    for number, text in enumerate(whole.splitlines(), start=1):
        try:
            line = json.loads(text)
        except ValueError:
            raise UserError(f"{path}, line {number}: not JSON") from None
        absent = [key for key in keys if key not in line] if isinstance(line, dict) else list(keys)
        if absent:
            raise UserError(f"{path}, line {number}: lacks {', '.join(absent)}")
        yield line


def _missing(plan: Mapping[str, Any], cells: list[Line]) -> Iterator[Line]:
    """A line for every planned score that has none."""
    by_scope: dict[str, list[str]] = {}
    for metric in plan["header"]["metrics"]:
        by_scope.setdefault(metric["scope"], []).append(metric["name"])
    present = {(line["cell"], line["metric"]) for line in cells}
    for cell in plan.get("cells", ()):
        for metric in by_scope.get(cell["scope"], ()):
            if (cell["cell"], metric) not in present:
                yield {**cell, "metric": metric, "status": "missing", "value": None, "reason": "not run yet"}
