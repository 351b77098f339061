"""The page of a run, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import antibench
from antibench.report.html.changes import Comparing
from antibench.report.html.command import Commands
from antibench.report.html.convergence import Diagnosis, convergence
from antibench.report.html.doubt import Doubt
from antibench.report.html.figures import Absent, Figure, figures
from antibench.report.html.leaderboard import Leaderboard, facts, leaderboard
from antibench.report.html.look import Look
from antibench.report.html.methods import KINDS, Method, cards_of, methods
from antibench.report.html.paper import texts
from antibench.report.html.problems import TOLD, Problem, problems
from antibench.report.html.reading import Reported
from antibench.report.html.rendering import files, library, rendered, script_json
from antibench.report.notes import footnotes
from antibench.report.tables import tables

HEADS = (
    ("protection", "What was done to the photo", ""),
    ("model", "The model that animated it", ""),
    ("levels", "Budget in 8-bit levels of the saved file", "n"),
    ("rank", "Among those of the same model and budget, 95% sure", "n"),
)

PAGE_BYTES = 24_000_000
"""What a page may take with pictures: below 25 MB, with room for the frame around them."""
PICTURES_BYTES = 18_000_000
"""What pictures take at most, however short the rest."""


@dataclass(frozen=True)
class Parts:
    """What a page, the files of a paper and a site are made of."""

    run: Reported
    board: Leaderboard
    figures: Sequence[Figure]
    absent: Sequence[Absent]
    methods: Sequence[Method]
    problems: Sequence[Problem]


def parts_of(run: Reported, diagnoses: Sequence[Diagnosis] = ()) -> Parts:
    """Everything of a run that is drawn or listed."""
    board = leaderboard(run)
    drawn, absent = figures(run, board)
    last = convergence(diagnoses)
    if isinstance(last, Figure):
        drawn.append(last)
    else:
        absent.append(last)
    return Parts(run, board, drawn, absent, methods(run), problems(run.scores))


class Page:
    """The page of a run. What it says is worked out once; pictures may be added in the room that it leaves.

    Args:
        parts: Of the run.
        comparisons: With earlier runs.
    """

    def __init__(self, parts: Parts, comparisons: Sequence[Comparing] = ()) -> None:
        run, board = parts.run, parts.board
        self.parts = parts
        commands = Commands(run)
        drawn = [*(item.figure for item in comparisons if item.figure is not None), *parts.figures]
        shown = tables(run.summary)
        doubt = Doubt(run, board, commands, cards_of(run, parts.methods))
        fragments = doubt.fragments([*shown, *(item.table for item in drawn)])
        ranks = doubt.ranks()
        self._values: dict[str, Any] = {
            "run": run,
            "summary": run.summary,
            "facts": facts(run.summary),
            "board": board,
            "heads": [*_heads(board), *((column.title, column.told, "n") for column in board.columns)],
            "comparisons": comparisons,
            "problems": parts.problems,
            "problem_count": _counted(run.summary["cells"]),
            "failed": bool(run.summary["cells"]["failed"]),
            "told": TOLD,
            "figures": parts.figures,
            "absent": parts.absent,
            "tables": shown,
            "fragments": fragments,
            "ranks": ranks,
            "notes": footnotes(run.summary),
            "paper": texts(board).items(),
            "methods": parts.methods,
            "kinds": KINDS,
            "command": commands.whole(),
            "suite_file": commands.file() if commands.uses_file else "",
            "environment": _versions(run.environment),
            "version": antibench.__version__,
            "data": script_json(doubt.data()),
            "specs": script_json({item.id: item.spec for item in drawn}),
            "library": library() if drawn else "",
            "js": files("page.js", "look.js"),
        }

    def html(self, look: Look | None = None, home: str | None = None) -> str:
        """The page as HTML.

        Args:
            look: What `look.html.j2` shows; None leaves pictures and clips out.
            home: Where the list of all runs is, relative to the page.
        """
        sections = _sections(bool(self._values["comparisons"]), look is not None)
        return rendered("page.html.j2", **self._values, look=look, home=home, sections=sections)

    def room(self) -> int:
        """Bytes that pictures may take."""
        return max(0, min(PICTURES_BYTES, PAGE_BYTES - len(self.html().encode())))


def _heads(board: Leaderboard) -> list[tuple[str, str, str]]:
    """The first columns; the model is one where there are several."""
    return [head for head in HEADS if head[0] != "model" or len(board.targets) > 1]


def _sections(compared: bool, looked: bool) -> list[tuple[str, str]]:
    asked = [
        ("answer", "Answer"),
        ("changes", "Changes"),
        ("leaderboard", "Leaderboard"),
        ("look", "Look"),
        ("figures", "Figures"),
    ]
    asked += [("tables", "Tables"), ("paper", "Paper"), ("methods", "Methods"), ("again", "Again")]
    left_out = {"changes": compared, "look": looked}
    return [(id_, title) for id_, title in asked if left_out.get(id_, True)]


def _counted(cells: Mapping[str, int]) -> str:
    told = [
        f"{cells[status.replace('-', '_')]} {words}"
        for status, words in TOLD.items()
        if cells[status.replace("-", "_")]
    ]
    return f"{', '.join(told)} of {cells['planned']} scores"


def _versions(environment: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What env.json says, flat."""
    found = []
    for name, value in environment.items():
        if isinstance(value, Mapping):
            found += [(f"{name}: {key}", str(item)) for key, item in value.items()]
        elif value is not None:
            found.append((name, str(value)))
    return found
