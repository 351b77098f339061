"""The scores of a run arranged by photo: what `summary` and `compare` compute with.

Photos are put in sorted order and seeds are averaged within a photo, so nothing depends on the order of the lines, and
a run read in shards equals the run read whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from antibench.errors import UserError
from antibench.stats import Floats

Line: TypeAlias = Mapping[str, Any]
"""One line of cells.jsonl or costs.jsonl."""

STATUSES = ("ok", "failed", "skipped", "over-budget", "missing")


class Group(NamedTuple):
    """A protected photo's circumstances, all but photo, seed, purification and metric."""

    protection: str
    surrogate: str | None
    target: str | None
    budget: int


class Place(NamedTuple):
    """Where photos are scored: one number for each photo and seed."""

    metric: str
    group: Group
    purification: str


class Photo(NamedTuple):
    """Which of the numbers of a place; the seed is None for metrics that look at no video."""

    case: str
    seed: int | None


@dataclass(frozen=True)
class MetricFacts:
    """What the header says of a metric. `sign` makes a positive difference clean - protected mean protection."""

    name: str
    version: int
    scope: str
    sign: float | None
    photo_twin: str | None


class Scores:
    """All scores of one run.

    Args:
        header: The header of the run's plan.
        cells: Lines of cells.jsonl in any order; repeated lines are allowed if they agree (an ok one wins over others).

    Raises:
        UserError: two ok lines of one cell disagree, or a metric is not in the header.
    """

    def __init__(self, header: Mapping[str, Any], cells: Iterable[Line]) -> None:
        self.header = header
        self.cases: tuple[str, ...] = tuple(sorted(header["cases"]))
        self.metrics = {item["name"]: _facts(item) for item in header["metrics"]}
        self.roles: dict[str, str] = {}
        self._ensembles = {
            item["ensemble"]["label"]: tuple(item["ensemble"]["models"])
            for item in header["protections"]
            if "ensemble" in item
        }
        self._adaptive = {item["label"]: tuple(item.get("adaptive", ())) for item in header["protections"]}
        self._seeds = tuple(sorted(header["seeds"]))
        self._places: dict[Place, dict[Photo, Line]] = {}
        self._per_photo: dict[Place, Floats] = {}
        for line in cells:
            self._add(line)

    def _add(self, line: Line) -> None:
        place, photo = identity_of(line)
        if place.metric not in self.metrics:
            raise UserError(
                f"metric {place.metric!r} of cell {line['cell']} is not in the header of the run's plan.json"
            )
        self.roles[place.group.protection] = line["role"]
        lines = self._places.setdefault(place, {})
        present = lines.get(photo)
        if present is None or _rank(line) < _rank(present):
            lines[photo] = line
        elif present["status"] == line["status"] == "ok" and present["value"] != line["value"]:
            raise UserError(
                f"cell {line['cell']} has two values of {line['metric']}, {present['value']} and {line['value']}: "
                "lines of two runs are mixed"
            )

    def transferred(self, group: Group) -> bool:
        """Whether the photo is shown to a model that it was not made on."""
        homes = self._ensembles.get(str(group.surrogate), (group.surrogate,))
        return group.surrogate is not None and group.target not in homes

    def adaptive(self, protection: str) -> tuple[str, ...]:
        """The purifications of the run that a protection was made through."""
        return self._adaptive.get(protection, ())

    def groups(self, scope: str) -> list[Group]:
        """The groups scored by metrics of a scope, sorted."""
        found = {place.group for place in self._places if self.metrics[place.metric].scope == scope}
        return sorted(
            found, key=lambda group: (group.protection, str(group.surrogate), str(group.target), group.budget)
        )

    def places(self) -> list[Place]:
        """Every place, in an order of its own that depends on nothing but the places."""
        return sorted(self._places, key=repr)

    def has(self, place: Place) -> bool:
        """Whether any photo of this place was planned."""
        return place in self._places

    def at(self, place: Place) -> Mapping[Photo, Line]:
        """The scores of a place by photo and seed, of any status."""
        return self._places.get(place, {})

    def lines(self) -> Iterator[tuple[Place, Photo, Line]]:
        """Every score once."""
        for place, lines in self._places.items():
            for photo, line in lines.items():
                yield place, photo, line

    def per_photo(self, place: Place) -> Floats:
        """(photos,) values in order of `cases`, mean over seeds; NaN where a score of the photo is not ok."""
        if place not in self._per_photo:
            video = self.metrics[place.metric].scope == "video"
            seeds: tuple[int | None, ...] = self._seeds if video else (None,)
            lines = self._places.get(place, {})
            means = [_mean([lines.get(Photo(case, seed)) for seed in seeds]) for case in self.cases]
            self._per_photo[place] = np.array(means)
        return self._per_photo[place]

    def scored(self, *places: Place) -> npt.NDArray[np.bool_]:
        """(photos,) which photos have all their scores in these places."""
        return np.asarray(np.isfinite([self.per_photo(place) for place in places]).all(axis=0))

    def why_missing(self, *places: Place) -> str:
        """The commonest reason among the scores of these places that are not ok."""
        reasons = Counter(
            str(line["reason"] or line["status"])
            for place in places
            for line in self._places.get(place, {}).values()
            if line["status"] != "ok"
        )
        return min(reasons, key=lambda reason: (-reasons[reason], reason)) if reasons else "not planned"

    def counts(self) -> dict[str, int]:
        """Scores by status; `planned` is their sum."""
        found = Counter(line["status"] for _, _, line in self.lines())
        by_status = {status.replace("-", "_"): found[status] for status in STATUSES}
        return {"planned": sum(found.values()), **by_status}


def identity_of(line: Line) -> tuple[Place, Photo]:
    """What a line of cells.jsonl is the score of, the same in every run."""
    group = Group(line["protection"], line["surrogate"], line["target"], int(line["budget"]))
    return Place(line["metric"], group, line["purification"]), Photo(line["case"], line["seed"])


def _mean(lines: list[Line | None]) -> float:
    values = [float(line["value"]) for line in lines if line is not None and line["status"] == "ok"]
    return sum(values) / len(values) if len(values) == len(lines) else float("nan")


def _rank(line: Line) -> int:
    return STATUSES.index(line["status"])


def _facts(item: Mapping[str, Any]) -> MetricFacts:
    sign = {"lower": 1.0, "higher": -1.0, "neither": None}[item["protects_when"]]
    return MetricFacts(item["name"], int(item["version"]), item["scope"], sign, item["photo_twin"])
