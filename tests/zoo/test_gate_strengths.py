"""The table of the README: what the cards of the models that pass say of each protection."""

from __future__ import annotations

import re
from pathlib import Path

from antibench.zoo.assemble import load_card
from antibench.zoo.gate_strengths import passing, table

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


def test_the_readme_shows_the_cards_of_today() -> None:
    (shown,) = re.findall(r"<!-- strengths of the gate -->\n(.*?)<!-- end -->", README, re.DOTALL)
    assert shown == table()


def test_two_models_pass_and_each_of_their_rows_is_there() -> None:
    names = passing()
    assert {"dynamicrafter-small", "cogvideox-tokens-small"} <= set(names)
    lines = table().splitlines()[2:]
    cells = {line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]] for line in lines}
    for place, name in enumerate(names):
        figures = load_card(name)["figures"]
        for row in figures["rows"]:
            strength, _, photo = cells[row["protection"]][3 * place : 3 * place + 3]
            assert strength == f"{row['strength']:.2f} \\[{row['low']:.2f}, {row['high']:.2f}\\]"
            assert photo == ("-" if row["photo"] is None else f"{row['photo']:.2f}")
    roles = {row["protection"]: row["role"] for name in names for row in load_card(name)["figures"]["rows"]}
    order = [roles[label] == "protection" for label in cells]
    assert order == sorted(order, reverse=True)
    assert len(cells) == len(roles)
