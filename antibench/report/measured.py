"""What was measured of the built-in protections, for their cards: `measured.json`, which a command writes from a run.

``python -m antibench.report.measured RUN --optimisers docs/results/optimisers.jsonl`` reads a run of the suite `full`
and what `benchmarks/optimisers.py` found, and writes the file anew.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from antibench.contracts import Claim
from antibench.report.numbers import number, plus_minus, with_interval

FILE = "measured.json"


def measured(plugin_cls: type[Any]) -> list[str]:
    """Lines about a protection: its rows of the run, then its loss and gradient over the steps.

    None about what was not measured, is of another version, or is somebody else's.
    """
    found, own = _read(), _of(plugin_cls)
    lines = [f"{found['suite']}, {found['photos']} portraits:"] if own["rows"] else []
    lines += [_row(row) for row in own["rows"]]
    return lines + [_optimiser(item) for item in own["optimisers"]]


def answered(plugin_cls: type[Any], claim: Claim) -> str:
    """What the run says of a claim; nothing if it was not asked."""
    found = _of(plugin_cls)["claims"].get(_key(claim))
    if found is None:
        return ""
    difference = with_interval(found["difference"], found["low"], found["high"])
    return f"{found['verdict']} on {found['target']} at {found['budget']} levels, {difference}"


@cache
def _read() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(resources.files("antibench.report").joinpath(FILE).read_text("utf-8"))
    return found


def _of(plugin_cls: type[Any]) -> Mapping[str, Any]:
    nothing: dict[str, Any] = {"rows": [], "claims": {}, "optimisers": []}
    if not plugin_cls.__module__.startswith("antibench.attacks."):
        return nothing
    found: dict[str, Any] = _read()["protections"].get(plugin_cls.name, nothing)
    return found if found.get("version") == plugin_cls.version else nothing


def _row(row: Mapping[str, Any]) -> str:
    worst = plus_minus(row["worst_case"], row["worst_high"])
    strength = plus_minus(row["strength"], row["high"])
    return (
        f"{row['label']} on {row['target']} at {row['budget']} levels: strength {strength} "
        f"(noise up to {number(row['noise'])}), excess {plus_minus(row['excess'], row['excess_high'])}, "
        f"worst case over {row['purifications']} purifications {worst} (controls up to {number(row['worst_noise'])})"
    )


def _optimiser(item: Mapping[str, Any]) -> str:
    losses = ", ".join(f"{value:.3g}" for value in item["loss"])
    first, last = item["gradient"]
    ratio = f"{last / first:.2g} of its first size at the end" if first else f"0 at first, {last:.2g} at the end"
    return (
        f"{item['label']}, loss at the clean photo and after each quarter of the steps: {losses} (random signs: "
        f"{item['loss_of_noise']:.3g}); gradient {ratio}, zero in {100 * item['zeros']:.1f}% of pixels"
    )


def _key(claim: Claim) -> str:
    return f"{claim.more} > {claim.less}, {claim.metric or 'strength'}, {claim.after}"


def gathered(run: Path, optimisers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The content of the file."""
    from antibench.claims import answers
    from antibench.runfiles import read_run
    from antibench.scores import Scores

    read = read_run(run)
    summary = read.summary()
    listed = [item for item in read.header["protections"] if item["role"] == "protection"]
    names = {item["label"]: item["name"] for item in listed}
    found = {item["name"]: {"version": item["version"], "rows": [], "claims": {}, "optimisers": []} for item in listed}
    for row in summary["rows"]:
        if row["metric"] == summary["headline"] and row["role"] == "protection" and not row["transfer"]:
            same = ("target", "budget", "strength", "high", "excess", "excess_high", "worst_case", "worst_high")
            ends = {"noise": row["noise"]["high"], "worst_noise": row["noise"]["worst_high"]}
            told = {"label": row["protection"], **{key: row[key] for key in same}, **ends}
            over = len(row["worst_over"]) - 1
            if row["worst_case"] is not None:
                found[names[row["protection"]]]["rows"].append({**told, "purifications": over})
    for answer in answers(Scores(read.header, read.cells)):
        gap = answer.difference
        if gap is not None:
            numbers = {"difference": round(gap.estimate, 6), "low": _rounded(gap.low), "high": _rounded(gap.high)}
            told = {"verdict": answer.verdict, "target": answer.target, "budget": answer.budget, **numbers}
            found[answer.protection]["claims"][_key(answer.claim)] = told
    for item in optimisers:
        if item["label"] in names and "loss" in item:
            kept = {key: item[key] for key in ("label", "loss", "loss_of_noise", "gradient", "zeros")}
            found[names[item["label"]]]["optimisers"].append(kept)
    suite = f"{summary['suite']}@{summary['suite_version']}"
    return {"suite": suite, "photos": summary["photos"], "protections": dict(sorted(found.items()))}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m antibench.report.measured", description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--optimisers", type=Path, required=True)
    given = parser.parse_args()
    optimisers = [json.loads(line) for line in given.optimisers.read_text("utf-8").splitlines()]
    target = Path(__file__).with_name(FILE)
    target.write_text(json.dumps(gathered(given.run, optimisers), indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
