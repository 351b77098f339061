"""What failed, was skipped or is missing, by name and with its reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from antibench.scores import STATUSES, Scores

TOLD = {
    "failed": "failed",
    "skipped": "skipped",
    "over-budget": "ignored its budget",
    "missing": "not run yet",
}


@dataclass(frozen=True)
class Problem:
    """Scores that one thing lacks for one reason."""

    status: str
    protection: str
    where: str
    reason: str
    metrics: Sequence[str]
    purifications: Sequence[str]
    photos: Sequence[str]
    count: int


def problems(scores: Scores) -> list[Problem]:
    """Every score that is not ok, those of one protection, place and reason together; failed ones first."""
    found: dict[tuple[str, str, str, str], list[tuple[str, str, str]]] = defaultdict(list)
    for place, photo, line in scores.lines():
        if line["status"] != "ok":
            group = place.group
            made = f" from {group.surrogate}" if scores.transferred(group) else ""
            budget = f" at {group.budget} levels" if group.budget else ""
            where = f"{group.target or 'the photo itself'}{made}{budget}"
            key = (str(line["status"]), group.protection, where, str(line["reason"] or ""))
            found[key].append((place.metric, place.purification, photo.case))
    listed = [_problem(*key, parts) for key, parts in found.items()]
    return sorted(listed, key=lambda item: (STATUSES.index(item.status), item.protection, item.where, item.reason))


def _problem(status: str, protection: str, where: str, reason: str, parts: list[tuple[str, str, str]]) -> Problem:
    metrics, purifications, photos = (sorted({part[index] for part in parts}) for index in range(3))
    return Problem(status, protection, where, reason, metrics, purifications, photos, len(parts))
