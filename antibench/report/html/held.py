"""Scores for the page, each held once: what is computed from them names them by index.

`Held.data` is read by the page's script:

- ``places``: ``[values]`` or ``[values, odd]``. Values go by photo, then seed; null where there is none. ``odd`` maps
  the index of such a one to that of its status and reason in ``words``; one that was not planned has no entry.
- ``trios``: ``[purification, metric, protected, clean, stranger]`` as indices, those of the scores null where there are
  none; with the index of a reason in ``words`` as sixth if there is no strength.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Generic, TypeVar

from antibench.report.html.methods import Cards
from antibench.scores import Photo, Place, Scores
from antibench.strength import Strengths

Item = TypeVar("Item", bound=Hashable)


class Numbered(Generic[Item]):
    """Things in the order in which they were first asked for."""

    def __init__(self) -> None:
        self._known: dict[Item, int] = {}

    def index(self, item: Item) -> int:
        """Its index, a new one if need be."""
        return self._known.setdefault(item, len(self._known))

    def items(self) -> list[Item]:
        """All of them."""
        return list(self._known)


class Held:
    """Collects scores of a run.

    Args:
        scores: Of the run.
        cards: Of what the run used.
    """

    def __init__(self, scores: Scores, cards: Cards) -> None:
        self._scores, self._cards = scores, cards
        self._places: Numbered[Place] = Numbered()
        self._trios: Numbered[tuple[int | None, ...]] = Numbered()
        self._metrics: Numbered[str] = Numbered()
        self._purifications: Numbered[str] = Numbered()
        self._words: Numbered[tuple[str, ...]] = Numbered()

    def metric(self, name: str) -> int:
        """The index of a metric."""
        return self._metrics.index(name)

    def place(self, place: Place) -> int | None:
        """The index of a place's scores; None if it was not planned."""
        return self._places.index(place) if self._scores.has(place) else None

    def trio(self, strengths: Strengths, purification: str) -> int:
        """The index of where protected, clean and stranger are scored after a purification."""
        kinds = (strengths.place, strengths.reference, strengths.floor)
        found = [self._purifications.index(purification), self.metric(strengths.metric)]
        blind = strengths.blind.get(purification)
        whole = (*found, *(self.place(kind(purification)) for kind in kinds))
        return self._trios.index(whole if blind is None else (*whole, self._words.index((blind,))))

    def data(self) -> dict[str, Any]:
        """All that was asked for, as JSON types."""
        places = [self._scored(place) for place in self._places.items()]
        return {
            "cases": list(self._scores.cases),
            "metrics": [self._told(name) for name in self._metrics.items()],
            "purifications": [
                {"name": name, "cards": self._cards.get(("purifications", name), [])}
                for name in self._purifications.items()
            ],
            "places": places,
            "trios": self._trios.items(),
            "words": self._words.items(),
        }

    def _told(self, metric: str) -> dict[str, Any]:
        facts = self._scores.metrics[metric]
        cards = self._cards.get(("metrics", metric), [])
        return {"name": metric, "sign": facts.sign, "seeds": self._seeds(metric), "cards": cards}

    def _seeds(self, metric: str) -> list[int | None]:
        """The seeds that a photo is scored at; one that is None for what looks at no video."""
        return sorted(self._scores.header["seeds"]) if self._scores.metrics[metric].scope == "video" else [None]

    def _scored(self, place: Place) -> list[Any]:
        lines = self._scores.at(place)
        values: list[float | None] = []
        odd: dict[int, int] = {}
        for case in self._scores.cases:
            for seed in self._seeds(place.metric):
                line = lines.get(Photo(case, seed))
                if line is not None and line["status"] != "ok":
                    odd[len(values)] = self._words.index((str(line["status"]), str(line["reason"] or "")))
                ok = line is not None and line["status"] == "ok"
                values.append(round(float(line["value"]), 6) + 0.0 if line is not None and ok else None)
        return [values, odd] if odd else [values]
