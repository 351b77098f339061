"""What a page shows of a run's photos and clips: ``look_of(run, store)``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from antibench.errors import UserError
from antibench.plan import Cell
from antibench.report.html import telling
from antibench.report.html.gather import Gatherer
from antibench.report.html.look import Look, filters_of, without_pictures
from antibench.report.html.shelf import Shelf
from antibench.report.html.views import wanted_views
from antibench.report.numbers import number
from antibench.report.stored import StoredRun
from antibench.run_folder import RunFolder
from antibench.runfiles import Run, read_run
from antibench.scores import Line
from antibench.store import Store

FACTOR = 8
"""How much a difference is amplified: a budget of 8 levels then takes half of the way from grey to black or white."""
NOTHING = "The store holds no photo or clip of this run any more; `antibench run` with the same suite makes them again."


def look_of(run: RunFolder, store: Store, most_bytes: int, *, factor: int = FACTOR) -> Look:
    """Gather what the store still holds of a run's pictures, photo by photo, as far as it fits.

    Photos are shown whole, with every model, protection and purification, or not at all. If there is no room even for
    one, the first is shown with as many pairs of model and purification as fit, in the order of the plan.

    Args:
        run: The run.
        store: The store it used; it is read, not written.
        most_bytes: Bytes that the pictures, and what is said of each, may take in the page.
        factor: How much differences are amplified.

    Raises:
        UserError: the folder is no run. What the store does not hold is no error: the page says so.
    """
    read = read_run(run.path)
    try:
        stored = StoredRun(run, store)
    except UserError as error:
        return without_pictures(f"The pictures of this run cannot be looked up: {error}.")
    seeds = sorted(read.header["seeds"])
    wanted = list(wanted_views(stored, seeds[0])) if seeds else []
    if not wanted:
        return without_pictures("No photo of this run was animated.")
    shelf = Shelf(most_bytes)
    views = Gatherer(stored, shelf, factor, partial(_score, read.header["headline"], _lines(read))).gather(wanted)
    absent = telling.missing(views)
    left_out = [*telling.left_out(views, [item.place for item in wanted], most_bytes), *_other_versions(read, stored)]
    if not shelf.media:
        return without_pictures(" ".join([*([NOTHING] if views else []), *left_out]), absent)
    controls = frozenset(cell.protection for cell in stored.cells if cell.role == "control")
    return Look(
        views=tuple(views),
        media=tuple(shelf.media),
        filters=filters_of(views, controls),
        captions={view.place.photo: stored.captions[view.place.photo] for view in views},
        said=telling.said(views),
        left_out=(*left_out, *telling.other_seeds(seeds)),
        missing=tuple(absent),
    )


def _other_versions(read: Run, stored: StoredRun) -> list[str]:
    """Pictures are found by what made them, versions included: those of other versions cannot be."""
    planned = {line["cell"] for line in read.cells}
    unknown = sum(cell.id not in planned for cell in stored.cells)
    if not unknown:
        return []
    counted = f"{unknown} of {len(stored.cells)} clips"
    return [f"{counted} were made with other versions of plugins than are here now: they cannot be looked up."]


def _lines(read: Run) -> dict[tuple[str, str], Line]:
    return {(line["cell"], line["metric"]): line for line in read.cells}


def _score(metric: str, lines: Mapping[tuple[str, str], Line], cell: Cell) -> str:
    line = lines.get((cell.id, metric))
    if line is None:
        return f"{metric}: not in this run"
    return f"{metric} {number(line['value'])}" if line["status"] == "ok" else f"{metric}: {line['reason']}"
