"""Baselines: what a run scored, in one file that is kept in git to compare later runs against.

A baseline holds the header of its run, where it comes from, and every score, one line for each place that was scored
(metric, protection, target, purification), so that a diff shows which of them moved. Scores are written in full: a run
compared with its own baseline changes by exactly nothing. `docs/formats.md` has the format.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

from antibench.errors import UserError
from antibench.runfiles import COST_KEYS, HEADER_KEYS, Run, read_json, read_plan, read_run
from antibench.scores import STATUSES, Line
from antibench.store import write_atomically

SCHEMA = 1
FOLDER = Path("results/baselines")
PLACE = ("metric", "role", "protection", "surrogate", "target", "budget", "purification", "scope")
"""What the scores of one line have in common."""
FROM_ENVIRONMENT = ("antibench", "commit", "python", "system", "machine", "device")
_SUITE_NAME = re.compile(r"[a-z0-9-]+")


@dataclass(frozen=True)
class Baseline:
    """A baseline as read: where it comes from, and the run."""

    provenance: dict[str, Any]
    run: Run


def baseline_path(suite: str, folder: Path = FOLDER) -> Path:
    """The file of a suite's baseline.

    Raises:
        UserError: if the name could lead elsewhere.
    """
    if not _SUITE_NAME.fullmatch(suite):
        raise UserError(f"{suite!r} is no name of a suite: lower-case letters, digits and - only")
    return folder / f"{suite}.json"


def accept(run: Path, to: Path | None = None, *, incomplete: bool = False, headline_only: bool = False) -> Path:
    """Make the baseline of a run and write it.

    Args:
        run: Folder of the run.
        to: File to write; default `baseline_path` of the run's suite.
        incomplete: Accept a run in which scores failed or are missing.
        headline_only: Leave out all metrics but the headline and its photo twin.

    Returns:
        The file.

    Raises:
        UserError: the folder is no run, its scores are incomplete, or the file cannot be written or is another suite's.
    """
    plan, read = read_plan(run), read_run(run)
    if not incomplete:
        _check_complete(run, read)
    if headline_only:
        read = _by_headline(read)
    path = to or baseline_path(str(read.header["suite"]))
    if path.exists():
        held, own = read_baseline(path).run.header["suite"], read.header["suite"]
        if held != own:
            raise UserError(f"{path} is the baseline of suite {held!r}, not of {own!r}; choose another --to")
    value = {
        "baseline": SCHEMA,
        "provenance": _provenance(run, plan, read),
        "header": read.header,
        "costs": [dict(row) for row in sorted(read.costs, key=lambda row: [str(row[key]) for key in COST_KEYS[:4]])],
        "scores": _packed(read),
    }
    try:
        content = (_text(value) + "\n").encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except ValueError as error:
        raise UserError(f"{run} holds a number that is not finite") from error
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def read_baseline(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        UserError: if it is not there, is no baseline, is damaged, or was written by a newer antibench.
    """
    value = read_json(path, absent=f"{path}: no such file; `antibench baseline accept RUN` makes a baseline")
    schema = value.get("baseline") if isinstance(value, dict) else None
    if not isinstance(schema, int):
        raise UserError(f"{path} is no baseline: `antibench baseline accept RUN` makes one")
    if schema > SCHEMA:
        raise UserError(f"{path} has schema {schema}, newer than this antibench reads ({SCHEMA}); upgrade antibench")
    try:
        header = dict(value["header"])
        absent = [key for key in HEADER_KEYS if key not in header]
        if absent:
            raise ValueError(f"its header lacks {', '.join(absent)}")
        costs: list[Line] = [{key: row[key] for key in COST_KEYS} for row in value["costs"]]
        return Baseline(dict(value["provenance"]), Run(header, list(_unpacked(header, value["scores"])), costs))
    except KeyError as error:
        raise UserError(f"{path} is damaged: it lacks {error}") from error
    except (TypeError, ValueError) as error:
        raise UserError(f"{path} is damaged: {error}") from error


def read_results(path: Path) -> Run:
    """A run's folder, or a baseline's file in its place.

    Raises:
        UserError: as `read_run` and `read_baseline`.
    """
    return read_baseline(path).run if path.is_file() else read_run(path)


def origin(provenance: Mapping[str, Any]) -> str:
    """Where a baseline comes from, in a few words."""
    known = [
        f"accepted {provenance.get('accepted')}",
        f"antibench {provenance.get('antibench')}",
        f"torch {provenance.get('libraries', {}).get('torch')}",
        f"{provenance.get('device')} on {provenance.get('machine')}",
        f"commit {str(provenance.get('commit'))[:12]}",
    ]
    return ", ".join(words for words in known if not words.endswith("None"))


def _by_headline(run: Run) -> Run:
    """The run as if it had been scored by its headline and the headline's photo twin alone."""
    headline = run.header["headline"]
    twins = {metric["photo_twin"] for metric in run.header["metrics"] if metric["name"] == headline}
    kept = [metric for metric in run.header["metrics"] if metric["name"] in {headline, *twins}]
    names = {metric["name"] for metric in kept}
    return Run({**run.header, "metrics": kept}, [line for line in run.cells if line["metric"] in names], run.costs)


def _check_complete(folder: Path, run: Run) -> None:
    lost = Counter(line["status"] for line in run.cells if line["status"] in ("failed", "missing"))
    if not lost:
        return
    first = next(line for line in run.cells if line["status"] in lost)
    names = {"failed": "failed", "missing": "not run"}
    told = ", ".join(f"{count} scores {names[status]}" for status, count in sorted(lost.items()))
    raise UserError(
        f"{folder} is incomplete: {told} of {len(run.cells)} (the first: {first['metric']} of {first['protection']} on "
        f"photo {first['case']}: {first['reason']}); `antibench run` goes on with it, or --incomplete accepts it so"
    )


def _provenance(folder: Path, plan: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Where the scores come from; what the run's env.json does not say is null."""
    try:
        known = json.loads((folder / "env.json").read_bytes())
    except (OSError, ValueError):
        known = {}
    counts = Counter(line["status"] for line in run.cells)
    return {
        "accepted": datetime.now(UTC).date().isoformat(),
        "run": folder.resolve().name,
        "fingerprint": plan.get("fingerprint"),
        "photos": len(run.header["cases"]),
        "scores": {status: counts[status] for status in sorted(counts)},
        **{key: known.get(key) for key in FROM_ENVIRONMENT},
        "libraries": dict(sorted(known.get("libraries", {}).items())),
    }


def _photos_and_seeds(header: Mapping[str, Any], scope: str) -> list[tuple[str, int | None]]:
    """The order of a place's scores: by photo, then by seed; only videos have seeds."""
    seeds: list[int | None] = list(header["seeds"]) if scope == "video" else [None]
    return list(product(header["cases"], seeds))


def _packed(run: Run) -> list[dict[str, Any]]:
    """One entry a place. A score that is not ok is its status and reason instead of a number."""
    found: dict[tuple[Any, ...], dict[tuple[str, int | None], Any]] = {}
    for line in run.cells:
        place = tuple(line[key] for key in PLACE)
        ok = line["status"] == "ok"
        told = line["value"] if ok else f"{line['status']}: {line['reason'] or ''}"
        found.setdefault(place, {})[line["case"], line["seed"]] = told
    entries = []
    for place in sorted(found, key=lambda place: [str(part) for part in place]):
        named = dict(zip(PLACE, place, strict=True))
        order = _photos_and_seeds(run.header, named["scope"])
        entries.append({**named, "values": [found[place].get(key, "missing: not planned") for key in order]})
    return entries


def _unpacked(header: Mapping[str, Any], entries: list[dict[str, Any]]) -> Iterator[Line]:
    """The lines of cells.jsonl; the id of a cell is not kept, and its place stands for it."""
    for entry in entries:
        place = {key: entry[key] for key in PLACE}
        order = _photos_and_seeds(header, place["scope"])
        if len(entry["values"]) != len(order):
            raise ValueError(f"{len(entry['values'])} scores of {place}, where {len(order)} belong")
        for (case, seed), value in zip(order, entry["values"], strict=True):
            if isinstance(value, str):
                status, _, reason = value.partition(": ")
                if status not in STATUSES or status == "ok":
                    raise ValueError(f"a score of {place} is {value!r}")
                ended: dict[str, Any] = {"status": status, "value": None, "reason": reason}
            elif isinstance(value, int | float) and not isinstance(value, bool):
                ended = {"status": "ok", "value": float(value), "reason": None}
            else:
                raise ValueError(f"a score of {place} is {value!r}")
            yield {"cell": f"{place} of {case}", **place, "case": case, "seed": seed, **ended}


def _text(value: Mapping[str, Any], indent: str = "") -> str:
    """JSON with one line for each key, and for each entry of a list of objects."""
    inner = indent + " "
    fields = []
    for key, item in value.items():
        if isinstance(item, dict):
            text = _text(item, inner)
        elif isinstance(item, list) and item and isinstance(item[0], dict):
            rows = ",\n".join(f"{inner} {json.dumps(row, allow_nan=False)}" for row in item)
            text = f"[\n{rows}\n{inner}]"
        else:
            text = json.dumps(item, allow_nan=False)
        fields.append(f"{inner}{json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(fields) + f"\n{indent}}}" if fields else "{}"
