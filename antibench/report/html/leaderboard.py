"""The leaderboard: a line for each protection and control on a target, by the headline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from antibench.report.html.reading import Reported
from antibench.report.html.slugs import Slugs
from antibench.report.numbers import DASH, band, number, share, with_interval
from antibench.report.ranks import place
from antibench.report.table import Row, Table, labels, model_label
from antibench.report.tables import FIDELITY_ARROWS
from antibench.summary import SPENT

LISTED = 6
"""How many purifications the top of the page names."""
KINDS = {
    "worst_case": ("worst_case", "worst_low", "worst_high"),
    "strength": ("strength", "low", "high"),
    "excess": ("excess", "excess_low", "excess_high"),
    "retained": ("retained", "retained_low", "retained_high"),
}
"""Numbers that have an interval, and their keys in a row of the summary."""


@dataclass(frozen=True)
class Column:
    """A column of numbers.

    Attributes:
        key: Of the number in a row of the summary, or the fidelity metric.
        title: What it is called.
        told: What it says.
        id: The last part of its numbers' addresses.
    """

    key: str
    title: str
    told: str
    id: str


@dataclass(frozen=True)
class Number:
    """A number of a line: what it is sorted by, what is read, its interval in words, and where its doubt is."""

    key: str
    text: str
    value: float | None
    bounds: str = ""
    mark: str = ""
    fragment: str = ""


@dataclass(frozen=True)
class Line:
    """A row of the summary by the headline.

    Attributes:
        id: Unique in the page, the same for the same row of another run.
        row: Of the summary.
        reached: For what was made here, the rows of the same photos on other models.
        numbers: In the order of the columns.
    """

    id: str
    row: Row
    reached: Sequence[Row]
    numbers: Sequence[Number]

    @property
    def name(self) -> str:
        """The protection, and the model it was made on if that is another."""
        return str(self.row["protection"]) + (f" from {self.row['surrogate']}" if self.row["transfer"] else "")

    @property
    def title(self) -> str:
        """All that sets this line apart."""
        return f"{self.name} on {self.row['target']} at {self.row['budget']} levels"

    @property
    def model(self) -> str:
        """The target and the state of its gate."""
        return model_label(self.row)

    @property
    def rank(self) -> tuple[str, str]:
        """Rank by worst case, or by strength where there is none, and letters of the groups that it ties in."""
        ranks = self.row.get("ranks") or {}
        return place(ranks.get(self.ranked_by))

    @property
    def ranked_by(self) -> str:
        """What the rank is by."""
        return "worst_case" if (self.row.get("ranks") or {}).get("worst_case") else "strength"


@dataclass(frozen=True)
class Leaderboard:
    """The columns of numbers, and the lines in the order of the summary."""

    columns: Sequence[Column]
    lines: Sequence[Line]

    @property
    def targets(self) -> list[str]:
        """The models, in order of appearance."""
        return list(dict.fromkeys(str(line.row["target"]) for line in self.lines))

    @property
    def budgets(self) -> list[int]:
        """Budgets of the lines, rising, without the 0 of what has none."""
        return sorted({int(line.row["budget"]) for line in self.lines} - {0})

    def line_of(self, row: Row) -> Line | None:
        """The line of a row."""
        return next((line for line in self.lines if _key(line.row) == _key(row)), None)

    def table(self) -> Table:
        """The same as a table of text, what was made elsewhere left out."""
        home = [line for line in self.lines if not line.row["transfer"]]
        body = [
            [labels(line.row), line.model, str(line.row["budget"]), line.rank[0], *map(_whole, line.numbers)]
            for line in home
        ]
        return Table(
            "Leaderboard: worst case over the purifications, 95% intervals over photos; * beyond the noise",
            ["protection", "model", "levels", "rank", *(column.title for column in self.columns)],
            body,
        )


def leaderboard(run: Reported) -> Leaderboard:
    """The leaderboard of a run."""
    rows = run.rows
    fidelity = list(dict.fromkeys(name for row in rows for name in row["fidelity"]))
    told = [
        ("worst_case", "worst case ↑", "Mean over photos of what is left under the worst purification"),
        ("strength", "unpurified ↑", "Strength without purification"),
        ("excess", "excess ↑", "Strength in the video less that in the photo itself"),
        ("retained", "retained ↑", "Share of the unpurified strength that is left after purification"),
        ("transfer", "transfer ↑", "Unpurified strength on the models it was not made on, lowest to highest"),
        *((name, _arrowed(name), f"{name} of the protected photo") for name in fidelity),
        ("seconds", "seconds ↓", "Median time to protect one photo"),
        ("peak_mib", "MiB ↓", "Median of the peak memory while protecting one photo"),
        ("photos", "photos", "Photos with every score that the line needs"),
    ]
    if not any(row["transfer"] for row in rows):
        told = [item for item in told if item[0] != "transfer"]
    ids, slugs = Slugs(), Slugs()
    columns = [Column(*item, ids.of(item[0])) for item in told]
    lines = []
    for row in rows:
        made_on = ("from", row["surrogate"]) if row["transfer"] else ()
        name = slugs.of(row["protection"], *made_on, row["target"], row["budget"])
        reached = [] if row["transfer"] else _reached(row, rows)
        numbers = [_number(name, row, reached, column) for column in columns]
        lines.append(Line(name, row, reached, numbers))
    return Leaderboard(columns, lines)


def _arrowed(metric: str) -> str:
    return f"{metric} {FIDELITY_ARROWS.get(metric.partition('[')[0], '')}".strip()


def _key(row: Row) -> tuple[Any, ...]:
    return row["protection"], row["surrogate"], row["target"], row["budget"]


def _reached(row: Row, rows: Sequence[Row]) -> list[Row]:
    """The same photos on models they were not made on."""
    if row["surrogate"] is None:
        return []
    same = ("protection", "surrogate", "budget")
    return [other for other in rows if other["transfer"] and all(other[key] == row[key] for key in same)]


def _number(line: str, row: Row, reached: Sequence[Row], column: Column) -> Number:
    key, fragment = column.key, f"{line}--{column.id}"
    if key in KINDS:
        value, low, high = (row[name] for name in KINDS[key])
        if key == "retained":
            bounds = "" if low is None or value is None else f"[{share(low)}, {share(high)}]"
            return Number(key, share(value), value, bounds, fragment=fragment)
        bounds = with_interval(value, low, high).removeprefix(number(value)).strip()
        mark = "*" if key == "worst_case" and row["beyond_noise"] and value is not None else ""
        return Number(key, number(value), value, bounds, mark, fragment)
    if key == "transfer":
        known = sorted(other["strength"] for other in reached if other["strength"] is not None)
        text = f"{number(known[0])} … {number(known[-1])}" if len(known) > 1 else number(known[0] if known else None)
        return Number(key, text, known[0] if known else None, _models(len(reached)), "", fragment)
    if key == "photos":
        text = str(row["n"]) if row["complete"] else f"{row['n']}/{row['n_planned']} INCOMPLETE"
        return Number(key, text, row["n"], fragment=fragment)
    if key in SPENT:
        digits = 0 if key == "peak_mib" else 2
        low, high = row[f"{key}_low"], row[f"{key}_high"]
        bounds = "" if low is None else f"[{number(low, digits)}, {number(high, digits)}]"
        return Number(key, number(row[key], digits), row[key], bounds, fragment=fragment)
    value = row["fidelity"].get(key)
    return Number(key, number(value), value, fragment=fragment)


def _models(count: int) -> str:
    return f"{count} model{'s' if count > 1 else ''}" if count else ""


def _whole(found: Number) -> str:
    return " ".join(part for part in (found.text, found.bounds if found.text != DASH else "", found.mark) if part)


def listed(names: Sequence[str]) -> str:
    """Names in a row, counted where they are many."""
    return ", ".join(names) if len(names) <= LISTED else f"{', '.join(names[:2])} and {len(names) - 2} more"


def facts(summary: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(what, value, what it means) of the run as a whole."""
    world = {
        "small": "small embedded models: mechanisms and regressions, nothing about the public models",
        "real": "published checkpoints",
        "mixed": "small embedded models beside published checkpoints",
    }
    level = {
        "L1": "CPU: the same bytes again on the same versions, whatever the workers or their order",
        "L2": "GPU: the same on the same box within its tolerance, not byte for byte",
    }
    gates = ", ".join(f"{model['name']}: gate {model['gate']}" for model in summary["models"])
    noise = summary["noise"]
    detectable = summary["smallest_detectable"]
    return [
        ("World", str(summary["world"]), world.get(str(summary["world"]), "")),
        ("Reproducibility", str(summary["level"]), level.get(str(summary["level"]), "")),
        ("Suite", f"{summary['suite']}@{summary['suite_version']}", gates),
        (
            "Photos",
            str(summary["photos"]),
            f"seeds {', '.join(map(str, summary['seeds']))}; after {listed(summary['purifications'])}",
        ),
        (
            "Noise bands",
            f"{band(noise['worst_low'], noise['worst_high'])}; unpurified {band(noise['low'], noise['high'])}",
            f"of {summary['headline']} in the worst case and without: another seed and random noise at the same budget",
        ),
        ("Smallest effect", number(detectable), "that so many photos show in four runs of five"),
    ]
