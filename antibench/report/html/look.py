"""What a page shows of a run's pictures, what it does not show, and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from antibench.report.html.medium import Medium
from antibench.report.html.views import Place, Slot


@dataclass(frozen=True)
class Shown:
    """One picture of a view: its words, and the index of its medium, or why there is none."""

    title: str
    alternative: str
    medium: int | None
    gone: str | None = None
    score: str | None = None


@dataclass(frozen=True)
class View:
    """A protected photo before a model, with and without one purification."""

    place: Place
    heading: str
    detail: str
    slots: dict[Slot, Shown]

    @property
    def size(self) -> int:
        """Bytes it adds to a page."""
        return len(json.dumps(self.as_json()))

    def as_json(self) -> dict[str, Any]:
        """As JSON types; what a picture has not is left out."""
        place = vars(self.place)
        slots = {
            slot: {key: value for key, value in vars(shown).items() if value is not None}
            for slot, shown in self.slots.items()
        }
        return {"at": place, "heading": self.heading, "detail": self.detail, "slots": slots}


@dataclass(frozen=True)
class Choice:
    """One value of a filter: as it is in a view, and as it is written."""

    value: str
    text: str


@dataclass(frozen=True)
class Filter:
    """What a reader chooses by."""

    name: str
    label: str
    choices: tuple[Choice, ...]
    chosen: str
    """The value to begin with."""


@dataclass(frozen=True)
class Look:
    """The pictures section of a page.

    Attributes:
        views: What can be looked at, in order.
        media: The pictures, each once; views name them by index.
        filters: What to choose by.
        captions: Caption by photo.
        said: What is shown, in a sentence.
        left_out: What is not shown though the store has it, and why; sentences.
        missing: What the store has not, by name.
    """

    views: tuple[View, ...]
    media: tuple[Medium, ...]
    filters: tuple[Filter, ...]
    captions: dict[str, str]
    said: str
    left_out: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def data(self) -> dict[str, Any]:
        """What the page's script reads, without the media."""
        return {"views": [view.as_json() for view in self.views], "captions": self.captions}


def without_pictures(reason: str, missing: Sequence[str] = ()) -> Look:
    """A section that only says why it shows nothing."""
    return Look((), (), (), {}, reason, missing=tuple(missing))


LABELS = {
    "photo": "Photo",
    "model": "Model",
    "protection": "Protection",
    "surrogate": "Made on",
    "budget": "Budget",
    "purification": "Purification",
}


def filters_of(views: Sequence[View], controls: frozenset[str]) -> tuple[Filter, ...]:
    """A filter for each part of a view's place; to begin with, the first protection on its own model, purified."""
    start = min(views, key=lambda view: _distance(view.place, controls)).place
    filters = []
    for name, label in LABELS.items():
        values = dict.fromkeys(vars(view.place)[name] for view in views)
        choices = tuple(Choice(str(value), _text(name, str(value), controls)) for value in values if value is not None)
        chosen = vars(start)[name]
        if choices:
            filters.append(Filter(name, label, choices, choices[0].value if chosen is None else str(chosen)))
    return tuple(filters)


def _distance(place: Place, controls: frozenset[str]) -> tuple[bool, bool, bool]:
    return place.protection in controls, place.surrogate not in (None, place.model), place.purification == "none"


def _text(name: str, value: str, controls: frozenset[str]) -> str:
    if name == "budget":
        return f"{value} level" if value == "1" else f"{value} levels"
    return f"{value} (control)" if name == "protection" and value in controls else value
