"""Sample sizes as text or JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from antibench.errors import UserError
from antibench.power import Design, Pilot
from antibench.report.numbers import DASH, number, with_interval
from antibench.report.table import Table
from antibench.report.terminal import print_tables


def power_json(
    design: Design, found: Sequence[Pilot], effect: float | None, photos: int | None, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The answers for each row.

    Args:
        design: What is asked of the test.
        found: The rows.
        effect: The number of photos for it is asked for; or
        photos: the effect that they show.
        facts: `metric`, `over` and `against`.
    """
    rows = [_row(design, item, effect, photos) for item in found]
    asked = {"power": design.power, "alpha": design.alpha, "rows": design.rows, "effect": effect, "photos": photos}
    whole = {**facts, "asked": asked, "rows": rows}
    return {"answer": _answer(whole), **whole}


def _row(design: Design, pilot: Pilot, effect: float | None, photos: int | None) -> dict[str, Any]:
    name = "photos" if photos is None else "effect"
    row: dict[str, Any] = {
        **pilot.labels,
        "estimate": pilot.estimate,
        "deviation": pilot.deviation,
        "pilot_photos": pilot.photos,
        **dict.fromkeys((name, f"{name}_low", f"{name}_high")),
        "reason": pilot.reason,
    }
    if pilot.deviation is None:
        return row
    wanted = [pilot.deviation, *(pilot.deviations or ())]
    for key, deviation in zip((name, f"{name}_low", f"{name}_high"), wanted, strict=False):
        if photos is not None:
            row[key] = design.effect_for(photos, deviation)
        elif effect is not None:
            try:
                row[key] = design.photos_for(effect, deviation)
            except UserError as error:
                row["reason"] = str(error)
    return row


def _answer(whole: Mapping[str, Any]) -> str:
    asked = whole["asked"]
    name = "photos" if asked["photos"] is None else "effect"
    known = [row for row in whole["rows"] if row[name] is not None]
    if not known:
        raise UserError(next(str(row["reason"]) for row in whole["rows"] if row["reason"]))
    largest = max(known, key=lambda row: float(row[name]))
    what = "strength" if whole["against"] is None else f"difference from {whole['against']}"
    test = f"power {asked['power']:g}, two-sided alpha {asked['alpha']:g}"
    if asked["rows"] > 1:
        test += f" with Holm over {asked['rows']} rows"
    if asked["photos"] is None:
        found = f"A {what} of {asked['effect']:g} needs {largest['photos']} photos"
    else:
        found = f"{asked['photos']} photos show a {what} of {number(largest['effect'], 3)} or more"
    of = f"deviation {number(largest['deviation'], 3)}"
    if "protection" in largest:
        of = f"{largest['protection']} on {largest['target']} at {largest['budget']} levels, {of}"
        of += f", the most of {len(known)} rows" if len(known) > 1 else ""
    return f"{found} ({of}; {test})"


def power_text(whole: Mapping[str, Any], width: int | None = None) -> str:
    """The answer, and a row for each protection."""
    rows = [row for row in whole["rows"] if "protection" in row]
    if not rows:
        return str(whole["answer"]) + "\n"
    places = {"worst": "in the worst case", "none": "without purification"}
    over = places.get(whole["over"], f"under {whole['over']}")
    what = "strength" if whole["against"] is None else f"difference from {whole['against']}"
    asked = whole["asked"]
    name = "photos" if asked["photos"] is None else "effect"
    last = "photos it needs" if name == "photos" else f"what {asked['photos']} photos show"
    body = [
        [
            row["protection"] + (f" from {row['surrogate']}" if row["surrogate"] not in (None, row["target"]) else ""),
            str(row["target"]),
            str(row["budget"]),
            number(row["estimate"]),
            number(row["deviation"]),
            DASH if row["pilot_photos"] is None else str(row["pilot_photos"]),
            _found(row, name),
        ]
        for row in rows
    ]
    columns = ["protection", "on", "levels", what, "deviation", "of photos", last]
    note = "in brackets: as far as the deviation of so few photos is known (95%)"
    notes = [f"{row['protection']} on {row['target']}: {row['reason']}" for row in rows if row["reason"]]
    table = Table(f"By {whole['metric']} {over}", columns, body, left=2)
    return print_tables([whole["answer"]], [table], [note, *dict.fromkeys(notes)], width)


def _found(row: Mapping[str, Any], name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if row[name] is None:
        return DASH
    if name == "effect":
        return with_interval(row[name], low, high)
    return f"{row[name]} [{low}, {high if high is not None else 'unknown'}]"
