"""What stands behind each number of a page, as data: its scores photo by photo, interval, noise and command.

Scores are held once (`Held`); a number names those that it is computed from (`Behind`). Only numbers that something on
the page leads to are told. The page's script shows it all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from antibench.report.html.behind import Behind, Told
from antibench.report.html.command import Commands
from antibench.report.html.held import Held, Numbered
from antibench.report.html.leaderboard import KINDS, Column, Leaderboard
from antibench.report.html.methods import Cards
from antibench.report.html.reading import Reported
from antibench.report.html.slugs import Slugs
from antibench.report.ranks import place
from antibench.report.table import Cell, Origin, Row, RowKey, Table, row_key

CURVE = "curve"
"""The last part of a curve's address."""
NAMES = {
    "after": "strength after {}",
    "retained_after": "share left after {}",
    "best_of": "best-of strength",
    "adaptive_purifier": "adaptive-purifier strength",
    "p_adjusted": "p",
    "rank": "rank by {}",
    "noise": "noise band",
    "worst_noise": "noise band of the worst case",
    "means": "means",
    "floor": "a stranger's score",
    "own_input": "means by {}",
    "seen": "the photo itself by {}",
    "fidelity": "{}",
}
"""What numbers are called, where that is not their key."""
NOISES = {"noise": ("strength", "low", "high"), "worst_noise": ("worst_case", "worst_low", "worst_high")}
"""Of which number of the controls a band is, and its keys in a row."""
AREA = "the area under the line through those at the run's budgets, divided by the distance of the first from the last"
MEANS = "Plain means over the photos that have both: clean → protected, not purified."
DEFINED = {
    "worst_case": "For each photo the purification that leaves least strength, then the mean over photos.",
    "strength": "Without purification: mean over photos of (clean - protected) / D, D the mean of clean - stranger.",
    "after": "Mean over photos of (clean - protected) / D, all purified alike, D the mean of clean - stranger.",
    "excess": "Strength of the video less the strength in the animated photo itself, both without purification.",
    "retained": "Mean strength over the purifications other than none, divided by the strength without purification.",
    "retained_after": "Mean strength after the purification, divided by the strength without purification.",
    "best_of": "Mean of what is left under the purification after which each photo is most like the clean one.",
    "adaptive_purifier": "Mean of what is left under the purification after which an autoencoder changes each photo "
    "least, in standard deviations of what it changes in other people's photos.",
    "p_adjusted": "Two-sided sign-flip test of each photo's weakest strength against that of random-sign, by Holm's "
    "correction over all protections of the run.",
    "rank": "Among the protections on this model at this budget, 95% sure, from paired differences over the photos.",
    "means": MEANS,
    "own_input": MEANS,
    "seen": f"{MEANS} Scored is the photo that is animated, no video.",
    "floor": "Mean over photos: the clean video of the next photo scored against this one, not purified.",
    "area": f"Mean strength without purification over the budgets: {AREA}.",
    "worst_area": f"Mean worst case over the budgets: {AREA}.",
    "noise": "From the lowest lower to the highest upper bound of the controls' strengths on this model and budget.",
    "worst_noise": "The same of their worst cases.",
    "transfer": "Strength without purification on the models that the photo was not made on.",
    "fidelity": "Mean over photos of {} of the protected photo.",
    "seconds": "Median over photos of the seconds that protecting one took when it was made.",
    "peak_mib": "Median over photos of the peak memory while one was protected.",
    "photos": "Photos that have every score the line needs, those of the clean photo and the stranger too.",
}
WRITTEN = {"retained": "share", "retained_after": "share", "photos": "count", "p_adjusted": "p"}
"""How numbers are written, where not with three decimals."""


@dataclass(frozen=True)
class _Entry:
    """A row of the summary, or a curve, that something leads to; its numbers by the last part of their addresses."""

    id: str
    row: Row
    numbers: dict[str, Told]


class Doubt:
    """Collects what stands behind the numbers of a run, those of its leaderboard to begin with."""

    def __init__(self, run: Reported, board: Leaderboard, commands: Commands, cards: Cards) -> None:
        self._run, self._board, self._commands, self._cards = run, board, commands, cards
        self._held = Held(run.scores, cards)
        self._behind = Behind(run, self._held)
        self._rows: dict[RowKey, Row] = {
            row_key(row): row for row in (*run.summary["rows"], *run.summary.get("curves", ()))
        }
        self._entries: dict[RowKey, _Entry] = {}
        self._groups: dict[tuple[Any, ...], int] = {}
        self._told_groups: list[dict[str, Any]] = []
        self._ranked: Numbered[tuple[Any, ...]] = Numbered()
        self._elsewhere: dict[str, Callable[[Row], Told]] = {
            "transfer": self._transfer,
            **{name: partial(self._noise_band, name) for name in NOISES},
        }
        self._slugs = Slugs()
        self._parts = {self._quantity(column): self._slugs.of(column.key) for column in board.columns}
        self._metrics = _distinct([CURVE, *run.scores.metrics])
        for line in board.lines:
            for column in board.columns:
                self.fragment(Origin(row_key(line.row), *self._quantity(column)))

    def fragment(self, origin: Origin) -> str | None:
        """The address of a number in the page; None if the run has no such row."""
        entry = self._entry(origin.row)
        if entry is None:
            return None
        key = (origin.quantity, origin.part)
        if key not in self._parts:
            self._parts[key] = self._slugs.of(*(part for part in key if part))
        part = self._parts[key]
        if part not in entry.numbers:
            elsewhere = self._elsewhere.get(origin.quantity)
            entry.numbers[part] = elsewhere(entry.row) if elsewhere else self._behind.of(entry.row, origin)
        return f"{entry.id}--{part}"

    def fragments(self, tables: Iterable[Table]) -> dict[Origin, str]:
        """The addresses of all numbers of some tables."""
        origins = {item.origin for table in tables for row in table.body for item in row if isinstance(item, Cell)}
        found = {origin: self.fragment(origin) for origin in sorted(origins, key=repr)}
        return {origin: fragment for origin, fragment in found.items() if fragment is not None}

    def ranks(self) -> dict[str, str]:
        """Id of a line of the leaderboard -> the address of its rank, where it has one."""
        found = {
            line.id: self.fragment(Origin(row_key(line.row), "rank", line.ranked_by))
            for line in self._board.lines
            if any((line.row.get("ranks") or {}).values())
        }
        return {id_: fragment for id_, fragment in found.items() if fragment is not None}

    def data(self) -> dict[str, Any]:
        """All of it, as JSON types."""
        lines = {entry.id: self._line(entry) for entry in self._entries.values()}
        return {
            "numbers": {slug: _told(*key) for key, slug in self._parts.items()},
            "lines": lines,
            "groups": self._told_groups,
            "seeds": list(self._run.header["seeds"]),
            **self._held.data(),
        }

    # ---- rows ----

    def _transfer(self, row: Row) -> Told:
        line = self._board.line_of(row)
        others = self._addresses(() if line is None else line.reached, "strength")
        return {"others": others} if others else {"reason": "shown to no other model"}

    def _noise_band(self, quantity: str, row: Row) -> Told:
        """Of the controls of a row's target and budget."""
        number, low, high = NOISES[quantity]
        same = ("metric", "target")
        controls = [
            other
            for other in self._rows.values()
            if other["role"] == "control" and all(other[name] == row[name] for name in same)
        ]
        others = self._addresses([other for other in controls if other.get("budget") in (0, row["budget"])], number)
        return {"low": row["noise"][low], "high": row["noise"][high], "others": others}

    def _addresses(self, rows: Iterable[Row], quantity: str) -> list[str]:
        """The addresses of the same number of other rows."""
        found = [self.fragment(Origin(row_key(row), quantity)) for row in rows]
        return [fragment for fragment in found if fragment is not None]

    def _quantity(self, column: Column) -> tuple[str, str]:
        """(quantity, part) of a column of the leaderboard."""
        own = (*KINDS, "transfer", "seconds", "peak_mib", "photos")
        return (column.key, "") if column.key in own else ("fidelity", column.key)

    def _entry(self, key: RowKey) -> _Entry | None:
        if key not in self._entries:
            row = self._rows.get(key)
            id_ = None if row is None else self._id(key, row)
            if row is None or id_ is None:
                return None
            self._entries[key] = _Entry(id_, row, {})
        return self._entries[key]

    def _id(self, key: RowKey, row: Row) -> str | None:
        """That of the headline's line; for another metric, or a curve, with what sets it apart."""
        budgets = row["budgets"] if key.budget is None else [key.budget]
        lines = [self._board.line_of({**row, "budget": budget}) for budget in budgets]
        first = next((line.id for line in lines if line is not None), None)
        if first is None:
            return None
        apart = [] if key.metric == self._run.headline else [self._metrics[key.metric]]
        return "--".join([first, *apart, *([self._metrics[CURVE]] if key.budget is None else [])])

    def _line(self, entry: _Entry) -> dict[str, Any]:
        row = entry.row
        told: dict[str, Any] = {"group": self._group(row), "metric": self._held.metric(row["metric"])}
        if "budgets" in row:
            points = [self._rows.get(row_key({**row, "budget": budget})) for budget in row["budgets"]]
            told["noise"] = [item for point in points if point for item in _noise(point, f"{point['budget']} levels, ")]
        else:
            ranks = row.get("ranks") or {}
            told["noise"] = _noise(row)
            told |= {"beyond": row["beyond_noise"], "p": [row["p_value"], row["p_adjusted"]], "means": row["means"]}
            told["ranks"] = {by: place(rank) for by, rank in ranks.items() if rank is not None}
            if told["ranks"]:
                told["ranked"] = self._ranked.index(_rank_table(row))
        return {**told, "photos": [row["n"], row["n_planned"]], "numbers": entry.numbers}

    def _group(self, row: Row) -> int:
        """The index of what is the same for all metrics."""
        key = (row["protection"], row["surrogate"], row["target"], row.get("budget"))
        if key not in self._groups:
            self._groups[key] = len(self._told_groups)
            budgets = ", ".join(str(budget) for budget in row.get("budgets", [row.get("budget")]))
            made = f" from {row['surrogate']}" if row["transfer"] else ""
            at = "over" if "budgets" in row else "at"
            self._told_groups.append(
                {
                    "title": f"{row['protection']}{made} on {row['target']} {at} {budgets} levels",
                    "cards": self._cards.get(("protections", str(row["protection"])), []),
                    "command": self._commands.of({**row, "budget": row.get("budget")}),
                }
            )
        return self._groups[key]


def _noise(row: Row, where: str = "") -> list[list[Any]]:
    """The bands that there are, and of what."""
    bands = [[f"{where}unpurified", "low", "high"], [f"{where}worst case", "worst_low", "worst_high"]]
    return [[told, row["noise"][low], row["noise"][high]] for told, low, high in bands if row["noise"][low] is not None]


def _rank_table(row: Row) -> tuple[Any, ...]:
    """Rows that are ranked among each other have the same."""
    return row["metric"], row["target"], row["budget"], row["transfer"], row["surrogate"] if row["transfer"] else None


def _distinct(names: Iterable[str]) -> dict[str, str]:
    slugs = Slugs()
    return {name: slugs.of(name) for name in names}


def _told(quantity: str, part: str) -> dict[str, str]:
    """What a number is called, what it means, and how it is written."""
    shown = part.replace("_", " ") if quantity == "rank" else part
    told = {
        "name": NAMES.get(quantity, quantity.replace("_", " ")).format(shown),
        "means": DEFINED[quantity].format(shown),
        "as": WRITTEN.get(quantity, "number"),
        "part": "adds",
        "each": "Each photo's part; the number is their mean",
    }
    if quantity == "p_adjusted":
        told["part"] = "difference"
        told["each"] = "Each photo's weakest strength less random-sign's; the test flips their signs"
    return told
