"""Do the claims of the papers hold here? A card's claims, each answered by one paired comparison in a run.

``python -m antibench.claims RUN...`` prints a Markdown table, one row a claim, surrogate and budget. The
photo is the unit, and the interval is that of all tables (`stats`). "holds": the whole 95% interval lies on the claimed
side; "reversed": on the other; "not told apart": around 0, which is no answer with few photos.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from antibench.contracts import Claim
from antibench.registry import PROTECTIONS
from antibench.report.card import compares
from antibench.report.markdown import escape
from antibench.runfiles import read_run
from antibench.scores import Group, Place, Scores
from antibench.stats import Interval, bootstrap, weighted
from antibench.strength import Effects, Strengths

Verdict = Literal["holds", "reversed", "not told apart", "not measured"]


@dataclass(frozen=True)
class Answer:
    """What a run says of a claim.

    Attributes:
        protection: Whose card it is on.
        claim: The claim.
        target: The model, which is also the surrogate of what needs one.
        budget: In 8-bit levels.
        verdict: See the module.
        difference: Of the two sides, positive on the claimed side: strengths, or mean scores of the claim's metric.
    """

    protection: str
    claim: Claim
    target: str
    budget: int
    verdict: Verdict
    difference: Interval | None


def answers(scores: Scores) -> Iterator[Answer]:
    """The answers of a run to the claims of the protections in it, which it has both sides of."""
    groups = scores.groups("video")
    placed = {(group.protection, group.target, group.budget): group for group in groups if _at_home(group)}
    asked = sorted({(str(group.target), group.budget) for group in placed.values() if group.budget})
    for protection, claim in claims_of(scores.header):
        for target, budget in asked:
            sides = [
                placed.get((label, target, 0 if label == "clean" else budget)) for label in (claim.more, claim.less)
            ]
            if None not in sides:
                more, less = (side for side in sides if side is not None)
                difference = compared(scores, claim, more, less)
                yield Answer(protection, claim, target, budget, verdict(difference), difference)


def claims_of(header: Mapping[str, Any]) -> list[tuple[str, Claim]]:
    """(name, claim) of every protection of a run's header that this installation knows, each once."""
    names = dict.fromkeys(str(item["name"]) for item in header["protections"])
    known = {entry.name for entry in PROTECTIONS.entries()}
    return [(name, claim) for name in names if name in known for claim in PROTECTIONS.load(name).card.claims]


def compared(scores: Scores, claim: Claim, more: Group, less: Group) -> Interval | None:
    """The paired difference that a claim is about; None where the run lacks a score of it."""
    if claim.metric:
        if claim.metric not in scores.metrics:
            return None
        ours, theirs = (scores.per_photo(Place(claim.metric, group, claim.after)) for group in (more, less))
        known = np.isfinite([ours, theirs]).all(axis=0)
        apart = (ours - theirs)[known]
        return bootstrap(lambda weights: weighted(weights, apart), len(apart)) if len(apart) else None
    metric = str(scores.header["headline"])
    sides = [Strengths(scores, metric, group) for group in (more, less)]
    if any(claim.after not in side.sighted for side in sides):
        return None
    return further(*(side.effects[claim.after] for side in sides))


def further(ours: Effects, theirs: Effects) -> Interval | None:
    """By how much one strength is larger than another, over the photos that both have."""
    known = np.isfinite([ours.moved, theirs.moved, ours.span]).all(axis=0)
    moved, span = (ours.moved - theirs.moved)[known], ours.span[known]
    if not len(moved):
        return None
    return bootstrap(lambda weights: weighted(weights, moved) / weighted(weights, span), len(moved))


def verdict(difference: Interval | None) -> Verdict:
    """What the interval says."""
    if difference is None or difference.low is None or difference.high is None:
        return "not measured"
    if difference.low > 0:
        return "holds"
    return "reversed" if difference.high < 0 else "not told apart"


def _at_home(group: Group) -> bool:
    return group.surrogate in (None, group.target)


def markdown(found: list[Answer]) -> str:
    """The table."""
    lines = ["| card | claim | compared | model | levels | difference | |", "|---|---|---|---|---:|---:|---|"]
    for item in found:
        claim, interval = item.claim, item.difference
        told = "-"
        if interval is not None and interval.low is not None and interval.high is not None:
            told = f"{interval.estimate:.2f} [{interval.low:.2f}, {interval.high:.2f}], {interval.photos} photos"
        cells = (item.protection, claim.said, compares(claim), item.target, str(item.budget), told, item.verdict)
        lines.append("| " + " | ".join(map(escape, cells)) + " |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m antibench.claims", description=__doc__)
    parser.add_argument("run", type=Path, nargs="+", help="folder of a run")
    given = parser.parse_args(arguments)
    for folder in given.run:
        run = read_run(folder)
        sys.stdout.write(markdown(list(answers(Scores(run.header, run.cells)))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
