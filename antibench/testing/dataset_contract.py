"""What every dataset must do: the public checks of the contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from antibench.contracts import BrokenCase, Case, Dataset
from antibench.errors import UserError
from antibench.pixels import digest
from antibench.testing.check import Check, attempt
from antibench.testing.facts import fact_checks, moved_generators


@dataclass(frozen=True)
class _Read:
    """What is kept of a case, so that one photo at a time is in memory."""

    id: str
    content: tuple[str, ...]
    fault: str | None
    broken: str | None = None


def checks(plugin_cls: type[Any], **params: Any) -> Iterator[Check]:
    """Check a dataset by reading it twice.

    Args:
        plugin_cls: A class that follows `antibench.contracts.Dataset`.
        params: Its parameters; a folder of photos needs a path.

    Raises:
        UserError: from the dataset, if there is nothing to check: no such folder, say.
    """
    yield from fact_checks(plugin_cls, **params)
    try:
        plugin: Dataset = plugin_cls(**params)
        ids = plugin.ids()
        cases = [_read(case) for case in plugin.cases()]
        again = [_read(case) for case in plugin_cls(**params).cases()]
    except UserError:
        raise
    except Exception as error:
        yield Check("can be made and read", False, repr(error))
        return
    yield attempt("ids are different printable texts", lambda: _ids(ids))
    yield attempt("cases come in the order of the ids, all of them", lambda: _order(ids, [case.id for case in cases]))
    yield attempt("photos are 8-bit RGB; hashes, clips and reasons fit", lambda: _listed(cases, "fault"))
    yield attempt("reading again gives the same", lambda: _repeats(cases, again))
    yield attempt("global generators untouched", lambda: moved_generators(lambda: next(plugin.cases())))
    yield attempt("every case can be read", lambda: _listed(cases, "broken"))


def _read(case: Case | BrokenCase) -> _Read:
    if isinstance(case, BrokenCase):
        one_line = case.reason.strip() and case.reason.isprintable()
        return _Read(case.id, (case.reason,), None if one_line else "reason is not one line", case.reason)
    clip = digest(case.clip) if case.clip is not None else ""
    return _Read(case.id, (digest(case.photo), case.caption, clip), _fault(case))


def _fault(case: Case) -> str | None:
    photo, clip = case.photo, case.clip
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
        return f"photo is {photo.dtype} {photo.shape}"
    if case.sha256 != digest(photo):
        return "sha256 is not `pixels.digest` of the photo"
    if clip is not None and (clip.dtype != np.uint8 or clip.ndim != 4 or not np.array_equal(clip[0], photo)):
        return f"clip is {clip.dtype} {clip.shape}, or does not start with the photo"
    return None if isinstance(case.caption, str) else f"caption is a {type(case.caption).__name__}"


def _ids(ids: list[str]) -> str | None:
    if not ids:
        return "there are none"
    if len(set(ids)) < len(ids):
        return f"{len(ids) - len(set(ids))} of {len(ids)} are repeated"
    odd = [case_id for case_id in ids if not case_id or not case_id.isprintable()]
    return f"not printable: {odd[0]!r}" if odd else None


def _order(ids: list[str], found: list[str]) -> str | None:
    if found == ids:
        return None
    first = next((pair for pair in zip(ids, found, strict=False) if pair[0] != pair[1]), None)
    return f"{first[1]!r} comes where {first[0]!r} should" if first else f"{len(found)} cases, {len(ids)} ids"


def _listed(cases: list[_Read], attribute: str) -> str | None:
    return "; ".join(f"{case.id}: {found}" for case in cases if (found := getattr(case, attribute))) or None


def _repeats(first: list[_Read], second: list[_Read]) -> str | None:
    if len(first) != len(second):
        return f"{len(first)} cases, then {len(second)}"
    changed = [one.id for one, other in zip(first, second, strict=True) if one.content != other.content]
    return f"changed: {', '.join(changed)}" if changed else None
