"""Distances between the clips of protected photos and those of the clean ones, for each group of a finished run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from antibench.contracts import FramesU8
from antibench.errors import UserError
from antibench.jobs import ScoreJob
from antibench.plan import Cell
from antibench.rescore import work_of
from antibench.run_folder import RunFolder
from antibench.set_distance import Floats, frechet, jackknife, kernel_distance
from antibench.store import MissingArtifact, Store
from antibench.suite import CLEAN, UNRELATED
from antibench.video import decode

FEWEST_PHOTOS = 3
"""Below that there is no standard error."""
NOT_A_SET = (CLEAN, UNRELATED)
"""The clean clips themselves, and the same clips under other photos: as a set they are the clean ones."""


@dataclass(frozen=True)
class SetRow:
    """A group's distances; None, with the reason, unless every planned clip is there.

    Attributes:
        protection: Its label; `clean-reseeded` is the noise floor.
        surrogate: What it was made on.
        target: The model that animates.
        purification: Of both the protected and the clean photos.
        budget: In levels.
        photos: How many.
        clips: On each side.
        fvd: Squared Frechet distance.
        fvd_error: Its standard error over photos.
        kvd: Squared kernel distance.
        kvd_error: Its standard error over photos.
        reason: Why there is no number.
    """

    protection: str
    surrogate: str | None
    target: str
    purification: str
    budget: int
    photos: int = 0
    clips: int = 0
    fvd: float | None = None
    fvd_error: float | None = None
    kvd: float | None = None
    kvd_error: float | None = None
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)


def set_rows(run: Path, store: Path, extract: Callable[[FramesU8], Floats]) -> list[SetRow]:
    """The distances of every group of a run that has clips, in the plan's order.

    Args:
        run: Folder of the run.
        store: Where its clips lie.
        extract: The feature vector of a (T, H, W, 3) clip; called once a clip.

    Raises:
        UserError: if the folder holds no run, or the features cannot be had.
    """
    plan = RunFolder(run).plan() if run.is_dir() else {}
    if not {"suite", "cases", "precision"} <= plan.keys():
        raise UserError(f"{run} holds no readable plan.json of a run")
    kept = Store(store)
    work = work_of(plan, (), kept)
    groups: dict[SetRow, list[tuple[Cell, ScoreJob | None]]] = {}
    for cell in work.cells:
        if cell.scope == "video" and cell.protection not in NOT_A_SET:
            job = work.graph.jobs.get(work.graph.waits.get(cell.id, ""))
            row = SetRow(cell.protection, cell.surrogate, str(cell.target), cell.purification, cell.budget)
            groups.setdefault(row, []).append((cell, job if isinstance(job, ScoreJob) else None))
    features = _Features(kept, extract)
    return [_row(row, cells, features) for row, cells in groups.items()]


class _Features:
    """Feature vectors by the clip's key, each made once."""

    def __init__(self, store: Store, extract: Callable[[FramesU8], Floats]) -> None:
        self._store, self._extract = store, extract
        self._known: dict[str, Floats] = {}

    def of(self, keys: Iterable[str | None]) -> Floats:
        return np.stack([self._one(key or "") for key in keys])

    def _one(self, key: str) -> Floats:
        if key not in self._known:
            self._known[key] = self._extract(decode(self._store.get(key)))
        return self._known[key]


def _row(row: SetRow, cells: list[tuple[Cell, ScoreJob | None]], features: _Features) -> SetRow:
    photos = [cell.case for cell, _ in cells]
    row = replace(row, photos=len(set(photos)), clips=len(cells))
    jobs = [job for _, job in cells if job is not None and job.video and job.clean_video]
    if len(jobs) < len(cells):
        return replace(row, reason=f"{len(cells) - len(jobs)} of {len(cells)} cells have no clip to be made")
    if row.photos < FEWEST_PHOTOS:
        return replace(row, reason=f"{row.photos} photos; {FEWEST_PHOTOS} are the fewest")
    try:
        mine, clean = features.of(job.video for job in jobs), features.of(job.clean_video for job in jobs)
    except MissingArtifact:
        return replace(row, reason="not all clips are in the store; `antibench run` makes them")
    fvd, kvd = jackknife(frechet, mine, clean, photos), jackknife(kernel_distance, mine, clean, photos)
    return replace(row, fvd=fvd.value, fvd_error=fvd.error, kvd=kvd.value, kvd_error=kvd.error)
