"""Which figures a run has: their numbers, a sentence for who does not see them, and the same as a table."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from antibench.report.front import comparable, outdone_by
from antibench.report.html import charts
from antibench.report.html.leaderboard import KINDS, Leaderboard, Line
from antibench.report.html.reading import Reported
from antibench.report.html.slugs import slug
from antibench.report.numbers import band, number, with_interval
from antibench.report.table import Cell, Content, Row, Table, cell, labels, model_label
from antibench.scores import Group, Place

PANELS = 8
"""Protections whose photos are drawn one by one."""
_STRENGTH = re.compile(r"(.+)\((-?\d+(?:\.\d+)?)\)")


@dataclass(frozen=True)
class Figure:
    """A chart: its specification, its title, what it shows in words, and its numbers."""

    id: str
    title: str
    caption: str
    spec: dict[str, Any]
    table: Table


@dataclass(frozen=True)
class Absent:
    """A figure that this run has no numbers for."""

    title: str
    reason: str


def figures(run: Reported, board: Leaderboard) -> tuple[list[Figure], list[Absent]]:
    """What can be drawn of a run, and what cannot, with the reason."""
    found: list[Figure | Absent] = [_intervals(run, board, target) for target in board.targets]
    found += [_purification_curves(run, board), *_budget_curves(run), _transfer(run, board), _front(run)]
    found += [_paired(run, board)]
    drawn = [item for item in found if isinstance(item, Figure)]
    return drawn, [item for item in found if isinstance(item, Absent)]


def _intervals(run: Reported, board: Leaderboard, target: str) -> Figure | Absent:
    title = f"Strength and noise on {target}"
    lines = [line for line in board.lines if line.row["target"] == target and not line.row["transfer"]]
    lines = [line for line in lines if line.row["budget"] and line.row["strength"] is not None]
    if not any(line.row["role"] == "protection" for line in lines):
        return Absent(title, "no protection that was made on it has a strength")
    values = [
        {
            "name": labels(line.row), "levels": line.row["budget"], "worst": line.row["worst_case"],
            "low": line.row["worst_low"], "high": line.row["worst_high"], "strength": line.row["strength"],
            "noise_low": line.row["noise"]["low"], "noise_high": line.row["noise"]["high"],
            "worst_noise_low": line.row["noise"]["worst_low"], "worst_noise_high": line.row["noise"]["worst_high"],
        }
        for line in lines
    ]  # fmt: skip
    beyond = [labels(line.row) for line in lines if line.row["beyond_noise"] and line.row["role"] == "protection"]
    caption = (
        f"Worst case by {run.headline} with its 95% interval (filled) and strength without purification (open), each "
        "over the band of its own noise (shaded in its colour). Beyond the noise: "
        f"{', '.join(dict.fromkeys(beyond)) or 'none'}."
    )
    body: list[list[Content]] = []
    for line in lines:
        numbers = [_bounded(line.row, key) for key in ("worst_case", "strength")]
        noise = [
            cell(line.row, quantity, band(line.row["noise"][low], line.row["noise"][high]))
            for quantity, low, high in (("worst_noise", "worst_low", "worst_high"), ("noise", "low", "high"))
        ]
        body.append([labels(line.row), str(line.row["budget"]), *numbers, *noise])
    columns = ["protection", "levels", "worst case", "unpurified", "noise, worst case", "noise, unpurified"]
    table = Table(title, columns, body)
    spec = charts.intervals(values, list(dict.fromkeys(item["name"] for item in values)))
    return Figure(f"figure-intervals-{slug(target)}", title, caption, spec, table)


def _bounded(row: Row, key: str, mark: str = "") -> Cell:
    """A number with its interval."""
    return cell(row, key, with_interval(*(row[name] for name in KINDS[key])) + mark)


def _purification_curves(run: Reported, board: Leaderboard) -> Figure | Absent:
    """Strength over the strength of a purification that the run has at several."""
    title = "Strength against the strength of the purification"
    graded: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for label in run.header["purifications"]:
        match = _STRENGTH.fullmatch(label)
        if match:
            graded[match[1]].append((float(match[2]), label))
    graded = {kind: sorted(steps) for kind, steps in graded.items() if len(steps) > 1}
    lines = [line for line in board.lines if not line.row["transfer"]]
    values: list[dict[str, Any]] = []
    body: list[list[Content]] = []
    for line in lines:
        by_label = {item["purification"]: item for item in line.row["purifications"]}
        for kind, steps in graded.items():
            known = [(x, by_label[label]) for x, label in steps if by_label.get(label, {}).get("strength") is not None]
            panel = f"{kind}, {line.row['target']}" + _levels(run, line.row)
            values += [{"name": labels(line.row), "strength of the purification": x, "strength": item["strength"],
                        "panel": panel} for x, item in known]  # fmt: skip
            body += [[labels(line.row), panel, f"{x:g}",
                      cell(line.row, "after", with_interval(item["strength"], item["low"], item["high"]),
                           item["purification"])] for x, item in known]  # fmt: skip
    if not values:
        return Absent(title, "no purification of this run has two strengths")
    shown = _coloured(values, [labels(line.row) for line in lines])
    caption = (
        f"Strength by {run.headline} after each purification that the run has at several strengths: "
        f"{', '.join(graded)}. The strength of a purification is its own parameter, such as JPEG's quality."
    )
    table = Table(title, ["protection", "purification", "its strength", "strength left"], body, left=2)
    spec = charts.curves(values, "strength of the purification", "panel", shown)
    return Figure("figure-purifications", title, caption, spec, table)


def _levels(run: Reported, row: Row) -> str:
    return f", {row['budget']} levels" if len(run.header["budgets"]) > 1 else ""


def _coloured(values: list[dict[str, Any]], names: Sequence[str]) -> list[str]:
    """Give each value the name in the legend: its own if it is among the first, else that of the others."""
    present = {item["name"] for item in values}
    known = [name for name in dict.fromkeys(names) if name in present]
    own = known if len(known) <= len(charts.COLOURS) else known[: len(charts.COLOURS)]
    rest = f"{len(known) - len(own)} others"
    for item in values:
        item["shown"] = item["name"] if item["name"] in own else rest
    return own + ([rest] if len(known) > len(own) else [])


def _budget_curves(run: Reported) -> list[Figure | Absent]:
    kept = [curve for curve in run.summary.get("curves", ()) if curve["metric"] == run.headline]
    if not kept:
        return [Absent("Strength over the budget", "the run has one budget")]
    found: list[Figure | Absent] = []
    for title, key, point_of, area in (("Worst case", "worst_cases", "worst_case", "worst_area"),
                                       ("Unpurified strength", "strengths", "strength", "area")):  # fmt: skip
        values: list[dict[str, Any]] = []
        body: list[list[Content]] = []
        ranked = sorted(kept, key=lambda curve: (curve["role"] != "protection", -(curve[area] or -9.0)))
        for curve in ranked:
            points = list(zip(curve["budgets"], curve[key], strict=True))
            values += [{"name": labels(curve), "levels": budget, "strength": point, "panel": model_label(curve)}
                       for budget, point in points if point is not None]  # fmt: skip
            sure = cell(curve, area, with_interval(curve[area], curve[f"{area}_low"], curve[f"{area}_high"]))
            known = [cell({**curve, "budget": budget}, point_of, number(point)) for budget, point in points]
            body.append([labels(curve), model_label(curve), *known, sure])
        if values:
            caption = (
                f"{title} by {run.headline} over the budget in 8-bit levels. Largest area under the curve: "
                f"{labels(ranked[0])} on {ranked[0]['target']}."
            )
            budgets = [str(budget) for budget in ranked[0]["budgets"]]
            heading = f"{title} over the budget"
            table = Table(heading, ["protection", "model", *budgets, "area"], body, left=2)
            names = _coloured(values, [labels(curve) for curve in ranked])
            spec = charts.curves(values, "levels", "panel", names, log=True)
            found.append(Figure(f"figure-budget-{slug(key)}", heading, caption, spec, table))
    return found


def _transfer(run: Reported, board: Leaderboard) -> Figure | Absent:
    title = "Transfer"
    rows = [row for row in run.rows if row["surrogate"] is not None]
    if not any(row["transfer"] for row in rows):
        return Absent(title, "nothing in this run was shown to a model that it was not made on")
    values: list[dict[str, Any]] = []
    body: list[list[Content]] = []
    for row in rows:
        made = f"{row['protection']} on {row['surrogate']}{_levels(run, row)}"
        mark = (
            "*"
            if row["low"] is not None and row["noise"]["high"] is not None and row["low"] > row["noise"]["high"]
            else ""
        )
        values.append({"made": made, "target": row["target"], "strength": row["strength"],
                       "text": ("" if row["transfer"] else "▪ ") + number(row["strength"]) + mark})  # fmt: skip
        body.append([made, row["target"], _bounded(row, "strength", mark)])
    made_on = sorted({item["made"] for item in values}, key=lambda made: made.split(" on ")[::-1])
    caption = (
        f"Strength by {run.headline} without purification of what was made (rows) on each model it was shown to "
        "(columns); ▪ the model it was made on, * beyond the noise there."
    )
    table = Table(title, ["made", "shown to", "strength"], body, left=2)
    return Figure("figure-transfer", title, caption, charts.heat(values, made_on, board.targets), table)


def _front(run: Reported) -> Figure | Absent:
    title = "Strength against cost"
    values: list[dict[str, Any]] = []
    body: list[list[Content]] = []
    for target in dict.fromkeys(row["target"] for row in run.rows):
        kept = comparable([row for row in run.rows if row["target"] == target])
        for row in kept:
            better = outdone_by(row, [other for other in kept if other["budget"] == row["budget"]])
            by = "strength" if row["worst_case"] is None else "worst_case"
            strength = row[by]
            place = "on the front" if better is None else "outdone"
            panel = f"{target}{_levels(run, row)}"
            values.append({"name": labels(row), "seconds": max(row["seconds"], 1e-3), "strength": strength,
                           "place": place, "panel": panel})  # fmt: skip
            told = place if better is None else f"outdone by {labels(better)}"
            seconds = cell(row, "seconds", number(row["seconds"]))
            body.append([labels(row), panel, seconds, cell(row, by, number(strength)), told])
    if len(values) < 2:
        return Absent(title, "it takes two complete protections with a known cost")
    kept_names = ", ".join(dict.fromkeys(item["name"] for item in values if item["place"] == "on the front"))
    caption = (
        "Worst case against the seconds that protecting one photo took (logarithmic). On the front, where no other is "
        f"as strong for less: {kept_names}."
    )
    table = Table(title, ["protection", "model", "seconds", "worst case", "front"], body, left=2)
    return Figure("figure-front", title, caption, charts.front(values), table)


def _paired(run: Reported, board: Leaderboard) -> Figure | Absent:
    title = "Each photo, clean and protected"
    home = [line for line in board.lines if line.row["role"] == "protection" and not line.row["transfer"]]
    values: list[dict[str, Any]] = []
    body: list[list[Content]] = []
    for line in home[:PANELS]:
        for photo, clean, protected in _pairs(run, line):
            panel = f"{labels(line.row)}, {line.row['target']}{_levels(run, line.row)}"
            values += [{"photo": photo, "panel": panel, "side": side, "score": score}
                       for side, score in (("clean", clean), ("protected", protected))]  # fmt: skip
            body.append([panel, photo, *(cell(line.row, "means", number(score, 3)) for score in (clean, protected))])
    if not values:
        return Absent(title, f"no photo has a score by {run.headline} both clean and protected")
    left_out = f" The first {PANELS} of {len(home)} are drawn." if len(home) > PANELS else ""
    caption = (
        f"{run.headline} of each photo's clip without purification, one line a photo from clean to protected, mean "
        f"over seeds.{left_out}"
    )
    table = Table(title, ["protection", "photo", "clean", "protected"], body, left=2)
    return Figure("figure-paired", title, caption, charts.paired(values, run.headline), table)


def _pairs(run: Reported, line: Line) -> list[tuple[str, float, float]]:
    row = line.row
    clean = run.scores.per_photo(Place(run.headline, Group("clean", None, row["target"], 0), "none"))
    group = Group(row["protection"], row["surrogate"], row["target"], row["budget"])
    protected = run.scores.per_photo(Place(run.headline, group, "none"))
    both = zip(run.scores.cases, clean.tolist(), protected.tolist(), strict=True)
    return [item for item in both if item[1] == item[1] and item[2] == item[2]]
