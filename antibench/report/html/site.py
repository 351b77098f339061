"""A folder of pages: the list of runs, a page for each run and one for each protection. All links are relative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from antibench.report.html.leaderboard import Line
from antibench.report.html.look import Look
from antibench.report.html.methods import Method
from antibench.report.html.page import Page, Parts
from antibench.report.html.paper import write_files
from antibench.report.html.rendering import files, rendered
from antibench.report.html.slugs import Slugs

INDEX = "index.html"


@dataclass(frozen=True)
class Entry:
    """A run in the list: its file, and the best line of its leaderboard."""

    file: str
    page: Page
    best: Line | None

    @property
    def parts(self) -> Parts:
        """Of the run."""
        return self.page.parts


@dataclass(frozen=True)
class Shown:
    """A protection in the list: its file, its card, and its lines by run."""

    file: str
    method: Method
    lines: Sequence[tuple[Entry, Line]]


def write_site(folder: Path, runs: Sequence[Page], looks: Mapping[int, Look]) -> list[Path]:
    """Write the pages.

    Args:
        folder: Made if it is not there; pages of the same names are replaced, nothing else is touched.
        runs: Their pages, in the order of the list.
        looks: Index of a run -> what its page shows of pictures and clips.

    Returns:
        The files.

    Raises:
        UserError: the folder cannot be written.
    """
    slugs = Slugs()
    entries = [Entry(f"run-{slugs.of(page.parts.run.name)}.html", page, _best(page.parts)) for page in runs]
    shown = _protections(entries)
    common = {"entries": entries, "shown": shown, "js": files("page.js")}
    pages = {INDEX: rendered("site.html.j2", **common)}
    for index, entry in enumerate(entries):
        pages[entry.file] = entry.page.html(looks.get(index), INDEX)
    for item in shown:
        pages[item.file] = rendered("method.html.j2", item=item, home=INDEX, js=files("page.js"))
    return write_files(folder, {name: text.encode() for name, text in pages.items()})


def _best(parts: Parts) -> Line | None:
    """The first protection of the leaderboard; lines come strongest first."""
    found = [line for line in parts.board.lines if line.row["role"] == "protection" and not line.row["transfer"]]
    return found[0] if found else None


def _protections(entries: Sequence[Entry]) -> list[Shown]:
    """Every protection and control of the runs, by name; of several versions the card of the first."""
    slugs = Slugs()
    cards: dict[str, Method] = {}
    lines: dict[str, list[tuple[Entry, Line]]] = {}
    for entry in entries:
        names = {item["label"]: item["name"] for item in entry.parts.run.header["protections"]}
        for method in entry.parts.methods:
            if method.kind == "protections":
                cards.setdefault(method.name.partition("@")[0], method)
        for line in entry.parts.board.lines:
            name = names.get(line.row["protection"])
            if name is not None:
                lines.setdefault(name, []).append((entry, line))
    return [Shown(f"method-{slugs.of(name)}.html", cards[name], lines[name]) for name in sorted(lines) if name in cards]
