"""The tables of a report, free of any output format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from antibench.report.curves import budget_curves
from antibench.report.front import comparable, outdone_by
from antibench.report.numbers import DASH, number, pair, plus_minus, share_plus_minus
from antibench.report.published import beside_published
from antibench.report.ranks import ranking
from antibench.report.table import Cell, Content, Row, Table, cell, labels, model_label, named

FIDELITY_ARROWS = {"psnr": "↑", "ssim": "↑", "lpips": "↓", "st-lpips": "↓", "ciede2000": "↓", "linf-levels": "↓"}
"""Direction in which the photo is less damaged."""
COLUMNS_A_TABLE = 6


def tables(summary: Mapping[str, Any], metric: str | None = None) -> list[Table]:
    """For each target strength, purifications and identity; then transfer, fidelity and cost, and the other metrics.

    Args:
        summary: From `antibench.summary.summarise`.
        metric: The metric the main tables are about; default the suite's headline.
    """
    chosen = metric or summary["headline"]
    rows = [row for row in summary["rows"] if row["metric"] == chosen]
    curves = [curve for curve in summary.get("curves", ()) if curve["metric"] == chosen]
    found: list[Table] = beside_published(summary)
    for target in dict.fromkeys(row["target"] for row in rows):
        here = [row for row in rows if row["target"] == target]
        found += [_strength(here, chosen), *ranking(here), *_by_purification(here), *_retained_by_purification(here)]
        found += [*_choosers(here), *budget_curves(curves, target), _identity(here, chosen)]
    found += _transfer(rows, chosen)
    if rows:
        found += [*_fidelity(rows), *_photos_as_seen(rows), _cost(rows)]
    for target in dict.fromkeys(row["target"] for row in rows):
        found += _front([row for row in rows if row["target"] == target])
    others = [row for row in summary["rows"] if row["metric"] != chosen]
    return found + _others(others)


def _head(row: Row) -> list[Content]:
    return [labels(row), str(row["budget"])]


HEAD = ["protection", "levels"]


def _strength(rows: list[Row], metric: str) -> Table:
    columns = [*HEAD, "strength ↑", "worst case ↑", "excess ↑", "retained ↑", "p", "photos"]
    body = [
        [
            *_head(row),
            _strength_cell(row),
            _worst_cell(row),
            cell(row, "excess", plus_minus(row["excess"], row["excess_high"])),
            cell(row, "retained", share_plus_minus(row["retained"], row["retained_high"])),
            cell(row, "p_adjusted", number(row["p_adjusted"], 3)),
            _photos(row),
        ]
        for row in rows
    ]
    return Table(f"{metric} on {model_label(rows[0])}: 0 = no effect, 1 = as wrong as another person", columns, body)


def _strength_cell(row: Row) -> Cell:
    return cell(row, "strength", plus_minus(row["strength"], row["high"]))


def _worst_cell(row: Row) -> Cell:
    return cell(row, "worst_case", plus_minus(row["worst_case"], row["worst_high"]))


def _photos(row: Row) -> Cell:
    return cell(row, "photos", str(row["n"]) if row["complete"] else f"{row['n']}/{row['n_planned']} INCOMPLETE")


def _by_purification(rows: list[Row]) -> list[Table]:
    title = f"Strength by purification on {model_label(rows[0])}"
    if any(_adaptive(row) for row in rows):
        title += "; A adaptive: the protection was made through it"
    return _side_by_side(title, rows, _purifications(rows), _after)


def _retained_by_purification(rows: list[Row]) -> list[Table]:
    """Of the protections that are told from noise without purification; of the others there is nothing to retain."""
    kept = [row for row in rows if any(item.get("retained") is not None for item in row["purifications"])]
    title = f"Share of the strength that each purification leaves on {model_label(rows[0])}"
    return _side_by_side(title, kept, [name for name in _purifications(kept) if name != "none"], _left)


def _purifications(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(item["purification"] for row in rows for item in row["purifications"]))


def _side_by_side(title: str, rows: list[Row], names: list[str], shown: Callable[[Row, str], Cell]) -> list[Table]:
    """Tables of a few purifications each."""
    found = []
    for start in range(0, len(names), COLUMNS_A_TABLE):
        few = names[start : start + COLUMNS_A_TABLE]
        body = [[*_head(row), *(shown(row, name) for name in few)] for row in rows]
        found.append(Table(title, [*HEAD, *few], body))
    return found


def _after(row: Row, purification: str) -> Cell:
    """The strength under a purification, marked if the protection was made through it."""
    found = _under(row, purification)
    mark = " A" if purification in _adaptive(row) else ""
    return cell(row, "after", plus_minus(found.get("strength"), found.get("high")) + mark, purification)


def _left(row: Row, purification: str) -> Cell:
    found = _under(row, purification)
    text = share_plus_minus(found.get("retained"), found.get("retained_high"))
    return cell(row, "retained_after", text, purification)


def _under(row: Row, purification: str) -> Row:
    return next((item for item in row["purifications"] if item["purification"] == purification), {})


def _choosers(rows: list[Row]) -> list[Table]:
    """What is left by whoever picks a purification for each photo, the one who knows most first."""
    kinds = ("worst_case", "best_of", "adaptive_purifier")
    if all(row[kind] is None for row in rows for kind in kinds[1:]):
        return []
    columns = [
        *HEAD,
        "worst case ↑ (sees the videos)",
        "best of ↑ (sees the clean photo)",
        "adaptive purifier ↑ (sees neither)",
    ]
    high = {kind: f"{kind}_high" for kind in kinds} | {"worst_case": "worst_high"}
    body = [[*_head(row), *(cell(row, kind, plus_minus(row[kind], row[high[kind]])) for kind in kinds)] for row in rows]
    title = f"Strength under the purification chosen for each photo on {model_label(rows[0])}"
    return [Table(title, columns, body)]


def _adaptive(row: Row) -> list[str]:
    """The purifications that a row's protection was made through; older summaries do not know."""
    return list(row.get("adaptive", ()))


def _identity(rows: list[Row], metric: str) -> Table:
    body = [
        [*_head(row), _pair_by(row, "seen", row["photo"]), _means(row), _pair_by(row, "own_input", row["own_input"]),
         _floor(row)]
        for row in rows
    ]  # fmt: skip
    columns = [*HEAD, "photo", "video", "video / own input", "stranger's video"]
    return Table(f"{metric} without purification on {model_label(rows[0])}: clean → protected", columns, body)


def _pair_by(row: Row, quantity: str, means: Row | None) -> Content:
    """Means by another metric than the row's; a dash if the suite has none for it."""
    if means is None:
        return pair(None, None)
    return cell(row, quantity, pair(means["clean"], means["protected"]), means["metric"])


def _means(row: Row) -> Cell:
    return cell(row, "means", pair(row["means"]["clean"], row["means"]["protected"]))


def _floor(row: Row) -> Cell:
    return cell(row, "floor", number(row["means"]["floor"]))


def _transfer(rows: list[Row], metric: str) -> list[Table]:
    """One line for what was made on one model, one column for each model it was shown to."""
    if not any(row["transfer"] for row in rows):
        return []
    targets = list(dict.fromkeys(row["target"] for row in rows))
    lines: dict[tuple[str, str, str], dict[str, Content]] = {}
    for row in rows:
        line = lines.setdefault((named(row), row["surrogate"] or "-", str(row["budget"])), {})
        line[row["target"]] = _reached(row)
    body: list[list[Content]] = [
        [made, on, levels, *(shown.get(name, DASH) for name in targets)] for (made, on, levels), shown in lines.items()
    ]
    title = f"Transfer: {metric} without purification; * beyond the noise there, [] on the model it was made on"
    return [Table(title, ["protection", "made on", "levels", *targets], body)]


def _reached(row: Row) -> Cell:
    shown = plus_minus(row["strength"], row["high"])
    if row["low"] is not None and row["noise"]["high"] is not None and row["low"] > row["noise"]["high"]:
        shown += " *"
    return cell(row, "strength", f"[{shown}]" if row["surrogate"] and not row["transfer"] else shown)


def _fidelity(rows: list[Row]) -> list[Table]:
    names = list(dict.fromkeys(name for row in rows for name in row["fidelity"]))
    if not names:
        return []
    columns = [*HEAD, *(f"{name} {FIDELITY_ARROWS.get(name.split('[')[0], '')}".strip() for name in names)]
    body = [
        [*head, *(cell(row, "fidelity", number(row["fidelity"].get(name)), name) for name in names)]
        for head, row in _unaimed(rows)
    ]
    return [Table("Fidelity of the protected photo", columns, body)]


def _cost(rows: list[Row]) -> Table:
    body = [[*head, _spent(row, "seconds", 2), _spent(row, "peak_mib", 0)] for head, row in _unaimed(rows)]
    return Table("Cost of protecting one photo, median", [*HEAD, "seconds ↓", "peak MiB ↓"], body)


def _spent(row: Row, key: str, digits: int) -> Cell:
    """A median with its interval; older summaries have none."""
    low, high = row.get(f"{key}_low"), row.get(f"{key}_high")
    within = "" if low is None or high is None else f" [{number(low, digits)}, {number(high, digits)}]"
    return cell(row, key, number(row[key], digits) + within)


def _seconds(row: Row) -> Cell:
    return cell(row, "seconds", number(row["seconds"]))


def _front(rows: list[Row]) -> list[Table]:
    """Strength against cost; one protection alone has no front."""
    kept = comparable(rows)
    if len(kept) < 2:
        return []
    body: list[list[Content]] = []
    for row in kept:
        better = outdone_by(row, [other for other in kept if other["budget"] == row["budget"]])
        strength = _worst_cell(row)
        if row["worst_case"] is None:
            strength = cell(row, "strength", f"{plus_minus(row['strength'], row['high'])} (unpurified)")
        place = "on the front" if better is None else f"outdone by {labels(better)}"
        body.append([*_head(row), _seconds(row), strength, place])
    columns = [*HEAD, "seconds ↓", "worst case ↑", "front"]
    return [Table(f"Strength against the seconds a photo takes on {model_label(rows[0])}", columns, body)]


def _photos_as_seen(rows: list[Row]) -> list[Table]:
    names = list(dict.fromkeys(name for row in rows for name in row["photo_means"]))
    if not names:
        return []
    body = [[*head, *(_seen(row, name) for name in names)] for head, row in _unaimed(rows)]
    return [Table("The protected photo itself, without purification: clean → protected", [*HEAD, *names], body)]


def _seen(row: Row, metric: str) -> Cell:
    means = row["photo_means"].get(metric, {})
    return cell(row, "seen", pair(means.get("clean"), means.get("protected")), metric)


def _unaimed(rows: list[Row]) -> list[tuple[list[Content], Row]]:
    """One row, with its labels, for each protected photo, whatever the target; `clean-reseeded` protects none."""
    several = len({row["surrogate"] for row in rows if row["surrogate"]}) > 1
    found: dict[tuple[str, ...], Row] = {}
    for row in rows:
        if row["fidelity"] or row["photo_means"]:
            name = str(row["protection"]) + (f" from {row['surrogate']}" if several and row["surrogate"] else "")
            found.setdefault((name, str(row["budget"])), row)
    return [([*head], row) for head, row in found.items()]


def _others(rows: list[Row]) -> list[Table]:
    found = []
    for metric, target in dict.fromkeys((row["metric"], row["target"]) for row in rows):
        here = [row for row in rows if (row["metric"], row["target"]) == (metric, target)]
        body = [
            [
                *_head(row),
                _means(row),
                _floor(row),
                _strength_cell(row),
                cell(row, "worst_case", number(row["worst_case"])),
                _photos(row),
            ]
            for row in here
        ]
        columns = [*HEAD, "clean → protected", "stranger", "strength ↑", "worst case ↑", "photos"]
        found.append(Table(f"{metric} on {model_label(here[0])}", columns, body))
    return found
