"""The answers of the validity gate for all small models in one table: ``python -m antibench.zoo.gate_table``.

Markdown, from the cards alone; a test holds the table in `docs/world.md` to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from antibench.registry import MODELS
from antibench.zoo.assemble import load_card
from antibench.zoo.gate import HEADLINE, OWN_INPUT, SECOND, strongest
from antibench.zoo.recipes import RECIPES

Figures = dict[str, Any]


def table() -> str:
    """One column a model that has a card, one row a question with what it asks for."""
    cards = {name: card for name in RECIPES if (card := load_card(name))}
    lines = ["| | " + " | ".join(f"`{name}`" for name in cards) + " | asked |", "|---" * (len(cards) + 2) + "|"]
    for title, asked, told in ROWS:
        lines.append(f"| {title} | " + " | ".join(told(card) for card in cards.values()) + f" | {asked} |")
    return "\n".join(lines) + "\n"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _beside_real(metric: str) -> Callable[[dict[str, Any]], str]:
    def told(card: dict[str, Any]) -> str:
        figures = card["figures"]
        return f"{_number(figures['clean'][metric])} / {_number(figures['real'][metric])}"

    return told


def _best(figures: Figures) -> dict[str, Any]:
    best = strongest([row for row in figures["rows"] if row["role"] == "protection"])
    return best or {}


def _second(figures: Figures) -> dict[str, Any]:
    return next(row for row in figures["second"] if row["protection"] == _best(figures)["protection"])


def _share(protected: float | None, clean: float | None) -> str:
    return "-" if protected is None or not clean else f"{1 - protected / clean:.0%}"


def _excess(card: dict[str, Any]) -> str:
    best = _best(card["figures"])
    return f"{_number(best['excess'])} [{_number(best['excess_low'])}, {_number(best['excess_high'])}]"


def _of_today(card: dict[str, Any]) -> bool:
    name, _, version = str(card["model"]).partition("@")
    return version == str(MODELS.load(name).version)


def _answer(question: str) -> Callable[[dict[str, Any]], str]:
    def told(card: dict[str, Any]) -> str:
        answers = {answer["question"]: answer["ok"] for answer in card["answers"]}
        return {True: "yes", False: "no", None: "not asked"}[answers.get(question)]

    return told


ROWS: tuple[tuple[str, str, Callable[[dict[str, Any]], str]], ...] = (
    ("weights, suite", "", lambda card: f"{card['model'].partition('@')[2]}, {card['suite'].partition('@')[2]}"),
    ("portraits", "64", lambda card: str(card["figures"]["portraits"])),
    ("ISM of clean clips / of real clips", "75%", _beside_real("ism[dlib]")),
    ("FDFR of clean clips / of real clips", "below 0.1", _beside_real("fdfr[mtcnn]")),
    ("sharpness of the last frames / of real clips", "50%", _beside_real("sharpness")),
    ("moves as told", "yes", _answer("the clip moves as told")),
    ("random noise within the seed noise", "yes", _answer("random noise does nothing beyond the seed noise")),
    ("strongest protection", "", lambda card: str(_best(card["figures"])["protection"])),
    (
        "takes of the video's identity",
        "50%",
        lambda card: _share(_best(card["figures"])["means"]["protected"], card["figures"]["clean"][HEADLINE]),
    ),
    ("its photo keeps", "0.8", lambda card: _number(_best(card["figures"])["photo"])),
    (
        "takes of the likeness to the own input",
        "50%",
        lambda card: _share(_best(card["figures"])["own_input"], card["figures"]["clean"].get(OWN_INPUT)),
    ),
    (
        "by MobileFace: takes",
        "50%",
        lambda card: _share(_second(card["figures"])["means"]["protected"], card["figures"]["clean"][SECOND]),
    ),
    ("by MobileFace: its photo keeps", "0.8", lambda card: _number(_second(card["figures"])["photo"])),
    ("excess over the photo's own damage", "above 0", _excess),
    ("each purification restores a part", "yes", _answer("each purification restores a part")),
    ("verdict", "", lambda card: str(card["gate"] if _of_today(card) else f"{card['gate']}, of earlier weights")),
)


if __name__ == "__main__":
    print(table(), end="")
