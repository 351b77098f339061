"""What stands behind each number of the leaderboard, as data: its scores photo by photo, interval, noise and command.

Scores are held once, by place; a number names the places that it is computed from. The page's script shows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from antibench.report.html.command import Commands
from antibench.report.html.leaderboard import KINDS, Column, Leaderboard, Line
from antibench.report.html.reading import Reported
from antibench.report.html.slugs import slug
from antibench.scores import Group, Photo, Place
from antibench.stats import Floats
from antibench.strength import Effects, Strengths, finite

DEFINED = {
    "worst_case": "For each photo the purification that leaves least strength, then the mean over photos.",
    "strength": "Without purification: mean over photos of (clean - protected) / D, D the mean of clean - stranger.",
    "excess": "Strength of the video less the strength in the animated photo itself, both without purification.",
    "retained": "Mean strength over the purifications other than none, divided by the strength without purification.",
    "transfer": "Strength without purification on the models that the photo was not made on.",
    "seconds": "Median over photos of the seconds that protecting one took when it was made.",
    "peak_mib": "Median over photos of the peak memory while one was protected.",
    "photos": "Photos that have every score the line needs, those of the clean photo and the stranger too.",
}


class Doubt:
    """Collects what stands behind the numbers of a run."""

    def __init__(self, run: Reported, board: Leaderboard, commands: Commands, cards: dict[str, str]) -> None:
        self._run = run
        self._scores = run.scores
        self._board = board
        self._commands = commands
        self._cards = cards
        self._places: dict[Place, int] = {}
        self._packed: list[dict[str, Any]] = []

    def data(self) -> dict[str, Any]:
        """All of it, as JSON types."""
        lines = {line.id: self._line(line) for line in self._board.lines}
        return {
            "cases": list(self._scores.cases),
            "defined": DEFINED,
            "columns": {slug(column.key): column.key for column in self._board.columns},
            "places": self._packed,
            "lines": lines,
        }

    def _line(self, line: Line) -> dict[str, Any]:
        row = line.row
        return {
            "title": line.title,
            "role": row["role"],
            "card": self._cards.get(str(row["protection"])),
            "noise": [row["noise"]["low"], row["noise"]["high"]],
            "beyond": row["beyond_noise"],
            "p": [row["p_value"], row["p_adjusted"]],
            "photos": [row["n"], row["n_planned"]],
            "seeds": list(self._run.header["seeds"]),
            "rank": list(line.rank),
            "means": row["means"],
            "command": self._commands.of(row),
            "numbers": {slug(column.key): self._number(line, column) for column in self._board.columns},
        }

    def _number(self, line: Line, column: Column) -> dict[str, Any]:
        row, key = line.row, column.key
        if key in KINDS:
            value, low, high = (row[name] for name in KINDS[key])
            found = {"value": value, "low": low, "high": high, "reason": _reason(row, key)}
            return {**found, **self._behind(row, key)}
        if key == "transfer":
            others = [self._board.line_of(other) for other in line.reached]
            shown = [
                [other.title, f"{other.id}--strength", *(other.row[name] for name in KINDS["strength"])]
                for other in others
                if other is not None
            ]
            return {"value": None, "others": shown, "reason": None if shown else "shown to no other model"}
        if key in ("seconds", "peak_mib"):
            return {"value": row[key], "costs": self._costs(row, key), "reason": None}
        if key == "photos":
            return {"value": row["n"], "reason": row["reasons"].get("n")}
        unaimed = Group(row["protection"], row["surrogate"], None, row["budget"])
        place = Place(key, unaimed, "none")
        held = self._scores.has(place)
        return {
            "value": row["fidelity"].get(key),
            "reason": None if held else "not measured: nothing is changed in the photo",
            "plain": self._place(place) if held else None,
        }

    def _behind(self, row: Any, key: str) -> dict[str, Any]:
        """The places of a strength and what each photo adds to it."""
        video = Strengths(self._scores, self._run.headline, _group(row))
        if key == "excess":
            photo = self._twin(row)
            shown = [self._trio(video, "none")] + ([] if photo is None else [self._trio(photo, "none")])
            if photo is None or row["excess"] is None:
                return {"trios": shown, "each": None}
            both = [video.effects["none"], photo.effects["none"]]
            ours, theirs = _each(both)
            return {"trios": shown, "each": _plain(ours - theirs)}
        if key == "strength":
            each = _each([video.effects["none"]])[0] if row["strength"] is not None else None
            return {"trios": [self._trio(video, "none")], "each": None if each is None else _plain(each)}
        names = [name for name in self._run.header["purifications"] if self._scores.has(video.place(name))]
        shown = [self._trio(video, name) for name in names]
        if key == "retained" or row["worst_case"] is None:
            return {"trios": shown, "each": None, "blind": dict(video.blind)}
        weakest = np.min(_each([video.effects[name] for name in video.sighted]), axis=0)
        return {"trios": shown, "each": _plain(weakest), "blind": dict(video.blind)}

    def _twin(self, row: Any) -> Strengths | None:
        name = self._scores.metrics[self._run.headline].photo_twin
        if name is None or name not in self._scores.metrics:
            return None
        return Strengths(self._scores, name, Group(row["protection"], row["surrogate"], None, row["budget"]))

    def _trio(self, strengths: Strengths, purification: str) -> list[Any]:
        """A purification's label, its metric, where protected, clean and stranger are scored, each photo's strength."""
        kinds = (strengths.place, strengths.reference, strengths.floor)
        places = [self._place(kind(purification)) for kind in kinds]
        effects = strengths.effects.get(purification)
        sighted = effects is not None and purification not in strengths.blind
        each = _plain(_each([effects])[0]) if effects is not None and sighted else None
        return [purification, strengths.metric, *places, each]

    def _place(self, place: Place) -> int | None:
        """The index of a place's scores; None if it was not planned."""
        if not self._scores.has(place):
            return None
        if place not in self._places:
            self._places[place] = len(self._packed)
            self._packed.append(self._scored(place))
        return self._places[place]

    def _scored(self, place: Place) -> dict[str, Any]:
        """Values by photo, then seed, and what is to be told of those that are not ok."""
        lines = self._scores.at(place)
        seeds: Sequence[int | None] = sorted(
            {photo.seed for photo in lines}, key=lambda seed: -1 if seed is None else seed
        )
        values, odd = [], {}
        for index, case in enumerate(self._scores.cases):
            for number, seed in enumerate(seeds):
                line = lines.get(Photo(case, seed))
                ok = line is not None and line["status"] == "ok"
                values.append(round(float(line["value"]), 6) + 0.0 if line is not None and ok else None)
                if not ok:
                    told = ["not planned", ""] if line is None else [line["status"], line["reason"] or ""]
                    odd[str(index * len(seeds) + number)] = told
        return {"seeds": list(seeds), "values": values, "odd": odd}

    def _costs(self, row: Any, key: str) -> list[float | None]:
        """(photos,) what each took."""
        same = ("protection", "surrogate", "budget")
        taken = {
            line["case"]: line[key] for line in self._run.run.costs if all(line[name] == row[name] for name in same)
        }
        return [taken.get(case) for case in self._scores.cases]


def _group(row: Any) -> Group:
    return Group(row["protection"], row["surrogate"], row["target"], row["budget"])


def _each(effects: Sequence[Effects]) -> list[Floats]:
    """Each photo's strength in each of some effects, D over the photos that have them all; NaN for the others."""
    usable = finite(list(effects))
    if not usable.any():
        return [np.full(len(item.moved), np.nan) for item in effects]
    return [np.where(usable, item.moved / item.span[usable].mean(), np.nan) for item in effects]


def _plain(values: Floats) -> list[float | None]:
    return [round(float(value), 6) + 0.0 if np.isfinite(value) else None for value in values]


def _reason(row: Any, key: str) -> str | None:
    reasons: dict[str, str] = row["reasons"]
    value, low, _ = KINDS[key]
    return reasons.get(value) or reasons.get(low)
