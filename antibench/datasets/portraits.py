"""Talking portraits of the embedded world."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from antibench.contracts import BrokenCase, Card, Case


@dataclass(frozen=True)
class Portraits:
    """Rendered people, each from its own seed: the first four of sixteen are the four.

    Attributes:
        count: Number of people, >= 1.
        split: "test" is what suites score; "tune" is for choosing a protection's settings; no split shares a person
            with another, so the models, trained on "train", have seen nobody of the other two.
        size: Height and width in pixels.
        frames: Frames of the real clip that the photo is the first frame of.
        first: Index of the first person, >= 0: what was found on some people can be asked again of others.
    """

    count: int = 16
    split: Literal["test", "tune", "train"] = "test"
    size: int = 64
    frames: int = 9
    first: int = 0
    name: ClassVar[str] = "portraits"
    version: ClassVar[int] = 2
    card: ClassVar[Card] = Card(title="Rendered talking portraits, held out from training", licence="Apache-2.0")

    def __post_init__(self) -> None:
        if self.split not in ("test", "tune", "train"):
            raise ValueError(f"split must be test, tune or train, got {self.split!r}")
        for field in ("count", "size", "frames"):
            value = getattr(self, field)
            if type(value) is not int or value < 1:
                raise ValueError(f"{field} must be a whole number from 1, got {value!r}")
        if type(self.first) is not int or self.first < 0:
            raise ValueError(f"first must be a whole number from 0, got {self.first!r}")

    def ids(self) -> list[str]:
        """``portrait-test-0000`` and so on."""
        return [f"portrait-{self.split}-{index:04d}" for index in self._people()]

    def cases(self) -> Iterator[Case | BrokenCase]:
        """Render the people one by one; the photo is the first frame of the clip."""
        from antibench.pixels import digest  # both load torch, which planning does without
        from antibench.zoo.portraits import portrait_clip

        for index, case_id in zip(self._people(), self.ids(), strict=True):
            clip, caption = portrait_clip(self.split, index, self.size, self.frames)
            yield Case(case_id, clip[0], caption, digest(clip[0]), clip)

    def _people(self) -> range:
        return range(self.first, self.first + self.count)
