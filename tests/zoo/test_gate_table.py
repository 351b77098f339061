"""The table of the gate's answers: the page shows what the cards say."""

from __future__ import annotations

import re
from pathlib import Path

from antibench.registry import MODELS
from antibench.zoo.assemble import load_card
from antibench.zoo.gate_table import table
from antibench.zoo.recipes import RECIPES

PAGE = (Path(__file__).resolve().parents[2] / "docs/world.md").read_text()


def test_the_page_shows_the_cards_of_today() -> None:
    (shown,) = re.findall(r"<!-- gate table -->\n(.*?)<!-- end -->", PAGE, re.DOTALL)
    assert shown == table()


def test_each_share_is_that_of_the_strongest_protection_that_leaves_the_photo() -> None:
    name = "cogvideox-small"
    figures = load_card(name)["figures"]
    rows = [row for row in figures["rows"] if row["role"] == "protection"]
    assert min(rows, key=lambda row: row["means"]["protected"])["photo"] < 0.8  # or this would test half
    lowest = min((row for row in rows if row["photo"] >= 0.8), key=lambda row: row["means"]["protected"])
    taken = 1 - lowest["means"]["protected"] / figures["clean"]["ism0[dlib]"]
    column = 1 + [model for model in RECIPES if load_card(model)].index(name)
    told = {
        cells[1].strip(): cells[column + 1].strip() for line in table().splitlines()[2:] if (cells := line.split("|"))
    }
    assert told["strongest protection"] == lowest["protection"]
    assert told["takes of the video's identity"] == f"{taken:.0%}"
    of_today = load_card(name)["model"] == f"{name}@{MODELS.load(name).version}"
    assert told["verdict"] == load_card(name)["gate"] + ("" if of_today else ", of earlier weights")
