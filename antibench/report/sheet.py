"""A contact sheet of a run: ``python -m antibench.report.sheet RUN -o sheet.png``.

One row a participant and purification: its name, the photo as the model saw it, then the frames of the clip. The
pictures come from the store, so they are the very ones that were scored.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from antibench.contracts import FramesU8, ImageU8
from antibench.errors import UserError
from antibench.plan import Cell
from antibench.report.stored import StoredRun
from antibench.rescore import default_store
from antibench.run_folder import RunFolder
from antibench.store import MissingArtifact, Store

LABEL_WIDTH = 170
GAP = 6


def draw(
    run: Path,
    store: Store,
    case: str | None,
    target: str | None,
    labels: list[str],
    zoom: int,
    purifications: Sequence[str] = (),
) -> Image.Image:
    """Draw the sheet of one photo.

    Args:
        run: Folder of the run.
        store: The store it used.
        case: Id of the photo; None for the first.
        target: The model; None for the first.
        labels: Participants to show, in order; empty for all.
        zoom: Screen pixels per pixel.
        purifications: Those to show, ``none`` among them; empty for all.

    Raises:
        UserError: if the run has no such cell, or the store does not hold its videos any more.
    """
    stored = StoredRun(RunFolder(run), store)
    first = stored.cells
    case, target = case or first[0].case, target or first[0].target
    rows = [cell for cell in first if cell.case == case and cell.target == target and cell.seed == first[0].seed]
    if labels:
        rows = [cell for label in labels for cell in rows if cell.protection == label]
    else:
        rows = [cell for cell in rows if cell.protection != "unrelated"]
    if purifications:
        rows = [cell for cell in rows if cell.purification in purifications]
    if not rows:
        asked = f"participants {labels or 'all'}, purifications {list(purifications) or 'all'}"
        raise UserError(f"{run} has no such cells: case {case!r}, target {target!r}, {asked}")
    unique = {(cell.protection, cell.surrogate, cell.purification): cell for cell in rows}
    return _stack([_strip(cell, stored, zoom) for cell in unique.values()])


def _strip(cell: Cell, stored: StoredRun, zoom: int) -> Image.Image:
    job = stored.job(cell)
    if job is None:
        raise UserError(f"{cell.protection} on {cell.case} has no clip: {stored.ending(cell)}")
    assert job.video is not None
    try:
        seen, (frames, _) = stored.photo(job.seen), stored.clip(job.video)
    except MissingArtifact:
        raise UserError(
            f"the store does not hold {cell.protection} on {cell.case} any more; `antibench run` makes it again"
        ) from None
    name = cell.protection if cell.surrogate in (None, cell.target) else f"{cell.protection} on {cell.surrogate}"
    return _labelled([name, "" if cell.purification == "none" else f"then {cell.purification}"], seen, frames, zoom)


def _labelled(lines: list[str], seen: ImageU8, frames: FramesU8, zoom: int) -> Image.Image:
    height, width = frames.shape[1] * zoom, frames.shape[2] * zoom
    strip = Image.new("RGB", (LABEL_WIDTH + (len(frames) + 1) * width + GAP, height), "white")
    ImageDraw.Draw(strip).multiline_text((6, height // 2 - 14), "\n".join(lines), fill="black")
    strip.paste(_enlarged(seen, width, height), (LABEL_WIDTH, 0))
    for index, frame in enumerate(frames):
        strip.paste(_enlarged(np.asarray(frame), width, height), (LABEL_WIDTH + GAP + (index + 1) * width, 0))
    return strip


def _enlarged(image: ImageU8, width: int, height: int) -> Image.Image:
    return Image.fromarray(image).resize((width, height), Image.Resampling.NEAREST)


def _stack(strips: list[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (max(strip.width for strip in strips), sum(strip.height for strip in strips)), "white")
    top = 0
    for strip in strips:
        sheet.paste(strip, (0, top))
        top += strip.height
    return sheet


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m antibench.report.sheet", description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="PNG file to write")
    parser.add_argument("--store", type=Path, help="the store of the run (default: results/store beside it)")
    parser.add_argument("--case", help="id of the photo (default: the first)")
    parser.add_argument("--target", help="the model that animates (default: the first)")
    parser.add_argument("-p", "--protection", action="append", default=[], help="show these, in this order")
    parser.add_argument("-u", "--purification", action="append", default=[], help="show these, none among them")
    parser.add_argument("--zoom", type=int, default=1)
    given = parser.parse_args(arguments)
    try:
        store = Store(given.store or default_store(given.run))
        draw(given.run, store, given.case, given.target, given.protection, given.zoom, given.purification).save(
            given.output
        )
    except UserError as error:
        parser.exit(error.exit_code, f"error: {error}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
