"""``antibench report``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antibench.errors import UserError
from antibench.rescore import default_store

if TYPE_CHECKING:
    from antibench.report.html.look import Look
    from antibench.report.html.page import Parts

FOLDER = click.Path(path_type=Path)
NAME = "report.html"
NEEDS = ("altair", "jinja2", "vl_convert")


@click.command()
@click.argument("runs", type=FOLDER, nargs=-1, required=True, metavar="RUN [RUN]...")
@click.option("-o", "--output", type=FOLDER, help=f"The page to write. [{NAME} in the folder of the last run]")
@click.option("--store", type=FOLDER, help="Where the runs' pictures and videos are. [RUN/../../store]")
@click.option("--no-media", is_flag=True, help="Leave pictures and videos out.")
@click.option("--site", type=FOLDER, help="Write a folder of pages instead: all runs, each run, each protection.")
@click.option("--paper", type=FOLDER, help="Write the leaderboard and the figures as files for a paper too.")
@click.option(
    "--diagnosis",
    "diagnoses",
    type=FOLDER,
    multiple=True,
    help="What `check NAME --diagnose --json` printed: its curves are drawn. May be given again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written and what is missing as JSON.")
def report(
    runs: tuple[Path, ...],
    output: Path | None,
    store: Path | None,
    no_media: bool,
    site: Path | None,
    paper: Path | None,
    diagnoses: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Write a run as one HTML page that needs no network: the answer, what it rests on, and how to use it.

    Of several runs the page is the last one's, and says what changed since the first, worst first. The first ones
    may be files of baselines.

    \b
    antibench report results/runs/smoke-0123456789ab
    antibench report results/baselines/ci.json results/runs/ci-ba9876543210 -o changes.html
    antibench report results/runs/full-0123456789ab --paper paper/ --no-media
    antibench report results/runs/*/ --site public/
    antibench report results/runs/smoke-0123456789ab --diagnosis advdm.json

    Exit codes: 0 written, 4 usage, 5 the runs have nothing to compare.
    """
    _check_installed()
    from antibench.report.html.changes import comparings
    from antibench.report.html.convergence import read_diagnosis
    from antibench.report.html.page import Page, parts_of
    from antibench.report.html.paper import write_files, write_paper
    from antibench.report.html.reading import reported
    from antibench.report.html.site import write_site

    _check_folders(runs if site else runs[-1:])
    wanted = not site or output is not None
    compared = comparings(runs) if wanted and len(runs) > 1 else []
    asked = [read_diagnosis(path) for path in diagnoses]
    parts = [parts_of(reported(run)) for run in (runs if site else runs[-1:])[:-1]]
    parts.append(parts_of(reported(runs[-1]), asked))
    pages = [Page(item) for item in parts[: None if site else -1]]
    last = Page(parts[-1], compared) if wanted else pages[-1]
    rooms = [page.room() for page in [*pages[: len(parts) - 1], last]] if not no_media else []
    looks = _looks(runs[-len(parts) :], store, rooms)
    written: list[Path] = []
    if wanted:
        target = output or runs[-1] / NAME
        written += write_files(target.parent, {target.name: last.html(looks.get(len(parts) - 1)).encode()})
    if site:
        written += write_site(site, pages, looks)
    if paper:
        figures = [*(item.figure for item in compared if item.figure), *parts[-1].figures]
        written += write_paper(paper, parts[-1].board, figures)
    _tell(written, parts, looks, as_json)


def _check_installed() -> None:
    from importlib.util import find_spec

    absent = [name for name in NEEDS if find_spec(name) is None]
    if absent:
        raise UserError(f"a report needs {', '.join(absent)}: pip install 'antibench[report]'")


def _check_folders(runs: Sequence[Path]) -> None:
    for run in runs:
        if run.is_file():
            raise UserError(f"{run} is a file; a page is of a run's folder (a baseline may come before it, to compare)")


def _looks(runs: Sequence[Path], store: Path | None, rooms: Sequence[int]) -> dict[int, Look]:
    """What there is to see of each run, in the bytes that its page has room for."""
    from antibench.report.html.media import look_of
    from antibench.run_folder import RunFolder
    from antibench.store import Store

    return {
        index: look_of(RunFolder(runs[index]), Store(store or default_store(runs[index])), room)
        for index, room in enumerate(rooms)
    }


def _told_of(look: Look | None) -> dict[str, Any] | None:
    """What is said of a run's pictures: what is not shown though it is there, and what the store does not hold."""
    return None if look is None else {"left_out": list(look.left_out), "missing": list(look.missing)}


def _tell(written: Sequence[Path], parts: Sequence[Parts], looks: dict[int, Look], as_json: bool) -> None:
    if not as_json:
        for path in written:
            click.echo(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
        return
    shown = [
        {
            "run": item.run.name,
            "cells": item.run.summary["cells"],
            "problems": [vars(problem) for problem in item.problems],
            "figures": [figure.id for figure in item.figures],
            "absent": {absent.title: absent.reason for absent in item.absent},
            "pictures": _told_of(looks.get(index)),
        }
        for index, item in enumerate(parts)
    ]
    files = [{"path": str(path), "bytes": path.stat().st_size} for path in written]
    click.echo(json.dumps({"written": files, "runs": shown}, indent=1, ensure_ascii=False))
