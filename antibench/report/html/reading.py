"""A run as the page needs it, with no path of a machine left in any of its words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from antibench.runfiles import Run, read_json, read_plan, read_run, read_summary
from antibench.scores import Line, Scores

_QUOTED = re.compile(r"""(["'`])(?:file://)?(?:[A-Za-z]:[\\/]|~?/|\\\\)[^"'`\n]*\1""")
_BARE = re.compile(
    r"""(?<![\w/.<~\\])(?:file://(?=/))?(?:[A-Za-z]:[\\/]|~/|/(?!/)|\\\\)(?:[^\s/\\"'`<>|:,;()\[\]]+[\\/])+"""
    r"""[^\s/\\"'`<>|:,;()\[\]]*"""
)

WORDS = ("answer", "reason", "reasons", "broken", "params", "suite")
"""Keys of what is words, or parameters of a plugin, in the plan and the summary."""


@dataclass(frozen=True)
class Reported:
    """A run that is reported.

    Attributes:
        name: Of its folder.
        run: What `read_run` found.
        plan: plan.json.
        environment: env.json; empty if there is none.
        summary: As `antibench show --json` prints it.
        scores: The run's scores by photo.
    """

    name: str
    run: Run
    plan: Mapping[str, Any]
    environment: Mapping[str, Any]
    summary: Mapping[str, Any]
    scores: Scores

    @property
    def header(self) -> Mapping[str, Any]:
        """The header of the plan."""
        return self.run.header

    @property
    def headline(self) -> str:
        """The metric that the page is about."""
        return str(self.summary["headline"])

    @property
    def rows(self) -> list[Mapping[str, Any]]:
        """The rows of the summary by the headline."""
        return [row for row in self.summary["rows"] if row["metric"] == self.headline]


def reported(folder: Path) -> Reported:
    """Read a run.

    Raises:
        UserError: as `antibench.runfiles.read_run`.
    """
    plan = _told_without_paths(read_plan(folder))
    read = read_run(folder)
    cells: list[Line] = [{**line, "reason": without_paths(line["reason"])} for line in read.cells]
    run = Run(plan["header"], cells, read.costs, read.peak_mib)
    scores = Scores(run.header, run.cells)
    summary = _told_without_paths(read_summary(folder))
    return Reported(folder.resolve().name, run, plan, _environment(folder), summary, scores)


def _environment(folder: Path) -> dict[str, Any]:
    path = folder / "env.json"
    found = read_json(path, absent=f"{path}: no such file") if path.exists() else {}
    return without_paths(found) if isinstance(found, dict) else {}


def _told_without_paths(value: Any) -> Any:
    """JSON whose words, as opposed to labels, hold no path: labels have to stay what other files call them."""
    if isinstance(value, dict):
        return {key: without_paths(item) if key in WORDS else _told_without_paths(item) for key, item in value.items()}
    return [_told_without_paths(item) for item in value] if isinstance(value, list) else value


def without_paths(value: Any) -> Any:
    """JSON with the absolute paths in its texts cut down to their last part, and to nothing if that is no file's name.

    A loader's own words may hold one, and with it the name of whoever ran it.
    """
    if isinstance(value, str):
        return _BARE.sub(_last_part, _QUOTED.sub(_last_part, value)) if "/" in value or "\\" in value else value
    if isinstance(value, dict):
        return {key: without_paths(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_paths(item) for item in value]
    return value


def _last_part(found: re.Match[str]) -> str:
    last = re.split(r"[\\/]", found[0].strip("\"'`"))[-1]
    quote = found[0][0] if found[0][0] in "\"'`" else ""
    return f"{quote}{'…/' + last if '.' in last.strip('.') else '…'}{quote}"
