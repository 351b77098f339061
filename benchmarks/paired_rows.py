"""How much stronger is one protection of a run than another, photo by photo?

``python benchmarks/paired_rows.py RUN A B [A B ...]`` takes labels in pairs and prints, for each model both were made
on and shown to, the difference of their strengths without purification with its 95% interval. Two intervals of a table
may overlap where the paired difference is clear, since the photos differ more than the protections do.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from antibench.claims import further
from antibench.runfiles import read_run
from antibench.scores import Group, Scores
from antibench.strength import Strengths


def differences(scores: Scores, metric: str, one: str, other: str) -> Iterator[str]:
    """A line for each group of `one` that `other` has as well: same surrogate, target and budget."""
    groups = scores.groups("video")
    for group in groups:
        twin = Group(other, group.surrogate, group.target, group.budget)
        if group.protection != one or group.surrogate != group.target or twin not in groups:
            continue
        ours, theirs = (Strengths(scores, metric, item).effects["none"] for item in (group, twin))
        found = further(ours, theirs)
        if found is None:
            continue
        where = f"{group.target} at {group.budget} levels, {found.photos} photos"
        yield f"{one} - {other} on {where}: {found.estimate:.2f} [{found.low:.2f}, {found.high:.2f}]"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("labels", nargs="+", help="in pairs")
    given = parser.parse_args()
    if len(given.labels) % 2:
        parser.error("labels come in pairs")
    run = read_run(given.run)
    scores = Scores(run.header, run.cells)
    for one, other in zip(given.labels[::2], given.labels[1::2], strict=True):
        for line in differences(scores, str(run.header["headline"]), one, other):
            print(line)


if __name__ == "__main__":
    main()
