"""What each protection got from its tuning: ``python benchmarks/tuning.py RUN`` on a run of the suite `tuning`.

Every protection is tried with as many choices and the same steps, on portraits of the split for tuning, which nothing
else scores. The best of a protection is the strongest choice as the validity gate means it (`gate.strongest`), with a
margin for the photo: on the few portraits of a tuning it may keep more than on those of a test. Labels are
``protection@choice``. Markdown.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from antibench.runfiles import read_run
from antibench.zoo.gate import HEADLINE, PHOTO_KEPT, SECOND, strongest

PHOTO_MARGIN = 0.05
Row = dict[str, Any]


def by_protection(rows: list[Row]) -> dict[str, list[Row]]:
    """The rows of each protection, in the order given."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["protection"].split("@")[0], []).append(row)
    return groups


def table(summary: dict[str, Any]) -> str:
    """One line a choice: identity left in the video (both judges, and to its own input) and in the photo; the best."""
    order = _labels(summary)
    rows = {metric: _rows(summary, metric) for metric in (HEADLINE, SECOND)}
    models = ", ".join(model["name"] for model in summary["models"])
    clean, second = (rows[metric][order[0]]["means"]["clean"] for metric in (HEADLINE, SECOND))
    lines = [
        f"{summary['photos']} portraits of the split `tune`, {summary['budgets'][0]} levels, on {models}; "
        f"clean clips {clean:.3f} (by MobileFace {second:.3f})",
        "",
        "| protection | video ↓ | by MobileFace ↓ | against its own input ↓ | photo ↑ | |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for group in by_protection([rows[HEADLINE][label] for label in order]).values():
        chosen = strongest(group, PHOTO_KEPT + PHOTO_MARGIN)
        for row in group:
            figures = (
                row["means"]["protected"],
                rows[SECOND][row["protection"]]["means"]["protected"],
                row["own_input"]["protected"],
                row["photo"],
            )
            told = " | ".join(f"{value:.3f}" for value in figures)
            lines.append(f"| {row['protection']} | {told} | {'best' if row is chosen else ''} |")
    return "\n".join(lines) + "\n"


def _labels(summary: dict[str, Any]) -> list[str]:
    """Labels of the tuned protections in the order of their names and choices."""
    return sorted(
        row["protection"] for row in summary["rows"] if row["metric"] == HEADLINE and "@" in row["protection"]
    )


def _rows(summary: dict[str, Any], metric: str) -> dict[str, Row]:
    """By label; `photo` is the identity that the protected photo keeps, as in the gate's figures."""
    chosen = [row for row in summary["rows"] if row["metric"] == metric]
    return {row["protection"]: {**row, "photo": row["photo"] and row["photo"]["protected"]} for row in chosen}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    print(table(read_run(parser.parse_args().run).summary()), end="")


if __name__ == "__main__":
    main()
