"""Reading the dataset: every photo once, fitted to the sizes that are worked on and put into the store."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import cast

from antibench.components import CaseFacts, Resolved
from antibench.contracts import BrokenCase, Case, ImageU8
from antibench.errors import UserError
from antibench.graph import Size, photo_key, photo_sizes
from antibench.pixels import digest, fit, to_png
from antibench.resolve import instance
from antibench.store import Store
from antibench.zoo.portraits import portrait_clip

TARGET_PORTRAIT = 2**31
"""Index, in the "tune" split of the embedded portraits, of the person that targeted protections aim at. It is the same
for every photo and dataset, and no suite scores it."""
TARGET_SIDE = 256


def case_ids(resolved: Resolved) -> list[str]:
    """The ids of the suite's cases, in order; no photo is read.

    Raises:
        UserError: if two cases share an id.
    """
    ids: list[str] = instance(resolved.dataset).ids()[: resolved.suite.get("limit")]
    if len(set(ids)) < len(ids):
        raise UserError(f"dataset {resolved.dataset.name!r} holds two cases of the same id")
    return ids


def read_cases(resolved: Resolved, store: Store) -> list[CaseFacts]:
    """Read the suite's cases and store their fitted photos.

    Raises:
        UserError: if no photo could be read.
    """
    dataset = instance(resolved.dataset)
    sizes = photo_sizes(resolved)
    cases = [_kept(case, sizes, store) for case in islice(dataset.cases(), resolved.suite.get("limit"))]
    broken = [case for case in cases if case.broken is not None]
    if cases and len(broken) == len(cases):
        raise UserError(f"dataset {dataset.name!r}: no photo could be read; {broken[0].id}: {broken[0].broken}")
    return cases


def keep_photo(photo: ImageU8, sha256: str, sizes: Sequence[Size], store: Store) -> None:
    """Store a photo at each size, unless it is there."""
    for size in sizes:
        key = photo_key(sha256, size)
        if not store.intact(key):
            store.put(key, "png", to_png(fit(photo, size)), {"stage": "prepare"})


def target_photo() -> ImageU8:
    """The unrelated photo that targeted protections aim at."""
    frames, _ = portrait_clip("tune", TARGET_PORTRAIT, TARGET_SIDE, 1)
    return cast(ImageU8, frames[0])


def keep_target_photo(resolved: Resolved, store: Store) -> str:
    """Store the unrelated photo that targeted protections aim at, and return its hash."""
    photo = target_photo()
    sha256 = digest(photo)
    keep_photo(photo, sha256, photo_sizes(resolved), store)
    return sha256


def _kept(case: Case | BrokenCase, sizes: Sequence[Size], store: Store) -> CaseFacts:
    if isinstance(case, BrokenCase):
        return CaseFacts(case.id, broken=case.reason)
    keep_photo(case.photo, case.sha256, sizes, store)
    return CaseFacts(case.id, case.sha256, case.caption)
