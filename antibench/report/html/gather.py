"""From keys of the store to media on a shelf, as many whole photos as fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby

from antibench.plan import Cell
from antibench.report.html.films import film
from antibench.report.html.look import Shown, View
from antibench.report.html.medium import Medium
from antibench.report.html.pictures import amplified_difference, picture
from antibench.report.html.shelf import Full, Shelf
from antibench.report.html.views import CLIPS, PHOTOS, Slot, Wanted
from antibench.report.html.words import alternative, detail, heading, title
from antibench.report.stored import StoredRun


class Gatherer:
    """Makes views, and puts their media on a shelf.

    Args:
        stored: Where photos and clips come from.
        shelf: Where they go.
        factor: How much a difference is amplified.
        score: What to write about the score of a cell.
    """

    def __init__(self, stored: StoredRun, shelf: Shelf, factor: int, score: Callable[[Cell], str]) -> None:
        self._stored, self._shelf = stored, shelf
        self._factor, self._score = factor, score

    def gather(self, wanted: Sequence[Wanted]) -> list[View]:
        """Whole photos while they fit; if the first does not, what fits of it: pairs of model and purification, then
        single views."""
        views: list[View] = []
        for _, photo in groupby(wanted, key=lambda item: item.place.photo):
            whole = list(photo)
            more = self._all([whole])
            if len(more) < len(whole):
                return views or self._some(whole)
            views += more
        return views

    def _some(self, whole: list[Wanted]) -> list[View]:
        def pair(item: Wanted) -> tuple[str, str]:
            return item.place.model, item.place.purification

        return self._all([list(group) for _, group in groupby(whole, key=pair)]) or self._all([[one] for one in whole])

    def _all(self, groups: Sequence[Sequence[Wanted]]) -> list[View]:
        """The views of the first groups that fit whole."""
        views: list[View] = []
        for group in groups:
            mark = self._shelf.mark()
            try:
                views += [self._view(item) for item in group]
            except Full:
                self._shelf.back_to(mark)
                break
        return views

    def _view(self, wanted: Wanted) -> View:
        present = [slot for slot in (*PHOTOS, *CLIPS) if slot in wanted.keys or slot in wanted.gone]
        slots = {slot: self._shown(slot, wanted) for slot in present}
        view = View(wanted.place, heading(wanted.place), detail(wanted.place), slots)
        self._shelf.spend(view.size)
        return view

    def _shown(self, slot: Slot, wanted: Wanted) -> Shown:
        cell = wanted.cells.get(slot)
        medium, gone = self._found(slot, wanted)
        return Shown(
            title(slot, wanted.place, self._factor),
            alternative(slot, wanted.place, self._factor),
            medium,
            gone,
            score=None if cell is None else self._score(cell),
        )

    def _found(self, slot: Slot, wanted: Wanted) -> tuple[int | None, str | None]:
        """The index of a medium, or why there is none."""
        if slot in wanted.gone:
            return None, wanted.gone[slot]
        keys = wanted.keys[slot]
        found = self._shelf.put(keys, partial(self._make, slot, keys))
        return (None, found) if isinstance(found, str) else (found, None)

    def _make(self, slot: Slot, keys: tuple[str, ...]) -> Medium:
        if slot == "difference":
            photo, protected = map(self._stored.photo, keys)
            return picture(amplified_difference(photo, protected, self._factor))
        return film(*self._stored.clip(keys[0])) if slot in CLIPS else picture(self._stored.photo(keys[0]))
