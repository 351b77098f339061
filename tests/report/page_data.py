"""What stands behind the numbers of a page, read and computed from its data alone, without the code under test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PageData:
    """The data of a page's script."""

    data: dict[str, Any]

    def line_of(self, fragment: str) -> dict[str, Any]:
        """The line that an address leads to."""
        return dict(self.data["lines"][fragment.rpartition("--")[0]])

    def number_of(self, fragment: str) -> dict[str, Any]:
        """The number that an address leads to."""
        return dict(self.line_of(fragment)["numbers"][fragment.rpartition("--")[2]])

    def title_of(self, fragment: str) -> str:
        """What the line of an address is called."""
        return str(self.data["groups"][self.line_of(fragment)["group"]]["title"])

    def values(self, place: int) -> list[float | None]:
        """Scores of a place, by photo, then seed."""
        return list(self.data["places"][place][0])

    def odd(self, place: int) -> dict[int, tuple[str, str]]:
        """Status and reason by index of what is not ok."""
        found = (self.data["places"][place] + [{}])[1]
        return {int(index): tuple(self.data["words"][word]) for index, word in found.items()}

    def named(self, trio: int) -> tuple[str, str]:
        """Purification and metric of a trio."""
        after, metric, *_ = self.data["trios"][trio]
        return self.data["purifications"][after]["name"], self.data["metrics"][metric]["name"]

    def sides(self, trio: int) -> tuple[Floats, Floats, Floats]:
        """(photos,) of protected, clean and stranger, mean over seeds, NaN where one is missing."""
        _, metric, *rest = self.data["trios"][trio]
        seeds = len(self.data["metrics"][metric]["seeds"])
        ours, clean, stranger = (self._per_photo(place, seeds) for place in rest[:3])
        return ours, clean, stranger

    def _per_photo(self, place: int | None, seeds: int) -> Floats:
        if place is None:
            return np.full(len(self.data["cases"]), np.nan)
        return np.array(self.values(place), dtype=np.float64).reshape(-1, seeds).mean(axis=1)

    def sighted(self, trios: list[int]) -> list[int]:
        """The trios that have a strength."""
        return [trio for trio in trios if len(self.data["trios"][trio]) == 5]

    def strengths(self, trios: list[int]) -> Floats:
        """(trios, photos) over the photos that have them all, NaN for the others."""
        moved, span = [], []
        for trio in trios:
            ours, clean, stranger = self.sides(trio)
            sign = self.data["metrics"][self.data["trios"][trio][1]]["sign"]
            moved.append(sign * (clean - ours))
            span.append(sign * (clean - stranger))
        usable = np.isfinite(moved).all(axis=0) & np.isfinite(span).all(axis=0)
        means = np.mean(np.array(span)[:, usable], axis=1, keepdims=True)
        return np.where(usable, np.array(moved) / means, np.nan)
