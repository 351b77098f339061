"""What the validity gate found of each protection on the models that pass: ``python -m antibench.zoo.gate_strengths``.

Markdown, from the cards alone; a test holds the table in `README.md` to it.
"""

from __future__ import annotations

from typing import Any

from antibench.registry import MODELS
from antibench.zoo.assemble import load_card
from antibench.zoo.recipes import RECIPES

Row = dict[str, Any]


def table() -> str:
    """One row a protection, strongest first, then the controls; for each model strength, excess and what the photo
    keeps, without purification. A model asked by an earlier version of the suite lacks what that one did not have."""
    found = {name: _rows(name) for name in passing()}
    titles = [f"`{name}`: strength ↑ | excess ↑ | photo keeps ↑" for name in found]
    lines = ["| protection | " + " | ".join(titles) + " |", "|---" + "|---:" * (3 * len(found)) + "|"]
    for label in _order(list(found.values())):
        lines.append(f"| {label} | " + " | ".join(_told(rows.get(label)) for rows in found.values()) + " |")
    return "\n".join(lines) + "\n"


def passing() -> list[str]:
    """The small models whose weights of today pass."""
    cards = {name: load_card(name) for name in RECIPES}
    return [
        name
        for name, card in cards.items()
        if card.get("gate") == "passed" and card["model"] == f"{name}@{MODELS.load(name).version}"
    ]


def _rows(name: str) -> dict[str, Row]:
    return {str(row["protection"]): row for row in load_card(name)["figures"]["rows"]}


def _order(found: list[dict[str, Row]]) -> list[str]:
    """Protections before controls, those that all models have first, then by the mean strength."""
    rows: dict[str, list[Row]] = {}
    for of_model in found:
        for label, row in of_model.items():
            rows.setdefault(label, []).append(row)

    def place(label: str) -> tuple[bool, int, float]:
        own = rows[label]
        return own[0]["role"] != "protection", -len(own), -sum(row["strength"] for row in own) / len(own)

    return sorted(rows, key=place)


def _told(row: Row | None) -> str:
    if row is None:
        return "- | - | -"
    photo = "-" if row["photo"] is None else f"{row['photo']:.2f}"
    return " | ".join((_interval(row, "strength", ""), _interval(row, "excess", "excess_"), photo))


def _interval(row: Row, what: str, bounds: str) -> str:
    value, low, high = row[what], row[f"{bounds}low"], row[f"{bounds}high"]
    return "-" if value is None else f"{value:.2f} \\[{low:.2f}, {high:.2f}\\]"


if __name__ == "__main__":
    print(table(), end="")
