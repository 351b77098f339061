"""What there is to look at in a run: a protected photo before a model, with and without one purification."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from antibench.jobs import ScoreJob
from antibench.plan import Cell
from antibench.report.stored import StoredRun
from antibench.suite import NONE

Slot: TypeAlias = Literal[
    "clean",
    "protected",
    "difference",
    "purified",
    "clean_clip",
    "protected_clip",
    "purified_clean_clip",
    "purified_clip",
]
PHOTOS: tuple[Slot, ...] = ("clean", "protected", "difference", "purified")
CLIPS: tuple[Slot, ...] = ("clean_clip", "protected_clip", "purified_clean_clip", "purified_clip")
PURIFIED: frozenset[Slot] = frozenset({"purified", "purified_clean_clip", "purified_clip"})
SHOWN_ROLES = ("protection", "control", "degenerate")


@dataclass(frozen=True)
class Place:
    """Where to look. `budget` is None for what has none, `surrogate` for what was made on no model."""

    photo: str
    model: str
    protection: str
    surrogate: str | None
    budget: int | None
    purification: str


@dataclass(frozen=True)
class Wanted:
    """What a view is made of, as keys of the store; a difference is of two photos.

    Attributes:
        place: Where it looks.
        keys: What each slot shows.
        gone: Why a slot shows nothing, where the run has nothing for it.
        cells: The cells whose clips the slots show, by slot; they have scores.
    """

    place: Place
    keys: dict[Slot, tuple[str, ...]]
    gone: dict[Slot, str]
    cells: dict[Slot, Cell]


def wanted_views(stored: StoredRun, seed: int) -> Iterator[Wanted]:
    """Every view of one generation seed, photo by photo, then model by model, purification by purification."""
    cells = [cell for cell in stored.cells if cell.seed == seed]
    found = {_place(cell): cell for cell in cells if cell.role in SHOWN_ROLES}
    clean = {(cell.case, cell.target, cell.purification): cell for cell in cells if cell.role == "reference"}
    rank = _ranks(list(found))
    for place, cell in sorted(found.items(), key=lambda item: rank[item[0]]):
        bare = found.get(_place(cell, NONE))
        yield _wanted(stored, place, cell, bare, clean)


def _place(cell: Cell, purification: str | None = None) -> Place:
    return Place(
        cell.case,
        str(cell.target),
        cell.protection,
        cell.surrogate,
        cell.budget or None,
        purification or cell.purification,
    )


def _ranks(places: list[Place]) -> dict[Place, tuple[int, ...]]:
    """Places by the order in which the plan first names their parts, the photo before all else."""
    names = ("photo", "model", "purification", "protection", "surrogate", "budget")
    order = {
        name: {value: n for n, value in enumerate(dict.fromkeys(getattr(p, name) for p in places))} for name in names
    }
    return {place: tuple(order[name][getattr(place, name)] for name in names) for place in places}


def _wanted(
    stored: StoredRun,
    place: Place,
    cell: Cell,
    bare: Cell | None,
    clean: dict[tuple[str, str | None, str], Cell],
) -> Wanted:
    wanted = Wanted(place, {}, {}, {})
    sides: list[tuple[Cell | None, tuple[Slot, ...], tuple[Slot, Slot]]] = [
        (bare, ("clean", "protected", "difference"), ("clean_clip", "protected_clip")),
    ]
    if place.purification != NONE:
        sides.append((cell, ("purified",), ("purified_clean_clip", "purified_clip")))
    for side, photos, (reference, own) in sides:
        job = stored.job(side) if side else None
        if side is None or job is None:
            reason = stored.ending(side) if side else "not in this run"
            wanted.gone.update(dict.fromkeys((*photos, reference, own), reason))
            continue
        wanted.keys.update({slot: _photo_keys(job)[slot] for slot in photos})
        wanted.keys.update({reference: (str(job.clean_video),), own: (str(job.video),)})
        wanted.cells[own] = side
        like = clean.get((side.case, side.target, side.purification))
        their = stored.job(like) if like else None
        if like and their and their.video == job.clean_video:  # not if the surrogate works at another size
            wanted.cells[reference] = like
    return wanted


def _photo_keys(job: ScoreJob) -> dict[Slot, tuple[str, ...]]:
    return {
        "clean": (job.photo,),
        "protected": (job.protected,),
        "difference": (job.photo, job.protected),
        "purified": (job.seen,),
    }
