"""The media of a page: each made once, kept once, and within a number of bytes."""

from __future__ import annotations

import json
from collections.abc import Callable

from antibench.report.html.medium import Medium
from antibench.store import MissingArtifact, StoreError

Key = tuple[str, ...]


class Full(Exception):  # noqa: N818 (a state of the shelf, not an error)
    """What was to be put there does not fit any more."""


class Shelf:
    """Media by content, up to a number of bytes.

    Args:
        most_bytes: Bytes of all URIs together, and of what else `spend` is told of.
    """

    def __init__(self, most_bytes: int) -> None:
        self.media: list[Medium] = []
        self.spent = 0
        self._most = most_bytes
        self._made: dict[Key, Medium | str] = {}
        self._places: dict[str, int] = {}

    def put(self, key: Key, make: Callable[[], Medium]) -> int | str:
        """The index of a medium, made if it is new; or why there is none.

        Raises:
            Full: it would be more than `most_bytes`.
        """
        if key not in self._made:
            try:
                self._made[key] = make()
            except MissingArtifact:
                self._made[key] = "not in the store any more"
            except StoreError:
                self._made[key] = "the store cannot be read"
        medium = self._made[key]
        if isinstance(medium, str):
            return medium
        place = self._places.get(medium.uri)
        if place is None:
            self.spend(len(json.dumps(medium.as_json())))
            place = self._places[medium.uri] = len(self.media)
            self.media.append(medium)
        return place

    def spend(self, size: int) -> None:
        """Take room for something else.

        Raises:
            Full: there is none.
        """
        if self.spent + size > self._most:
            raise Full
        self.spent += size

    def mark(self) -> tuple[int, int]:
        """Where the shelf stands, for `back_to`."""
        return len(self.media), self.spent

    def back_to(self, mark: tuple[int, int]) -> None:
        """Take off all that was put there since; what was made is not made again."""
        count, self.spent = mark
        for medium in self.media[count:]:
            del self._places[medium.uri]
        del self.media[count:]
