"""``antibench info``: the card as it is, for anything that is registered."""

from __future__ import annotations

import json

import pytest

from antibench.attacks.anti_i2v import AntiI2V
from antibench.cli import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["info", *arguments])
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_a_card_is_told_whole(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "anti-i2v")
    assert code == 0
    for text in [*AntiI2V.card.deviations, AntiI2V.card.native_budget, "ab_per_level = 0.5", "arXiv 2603.24570"]:
        assert text in out
    assert "(strength of anti-i2v > of advdm, after jpeg(75))" in out


def test_json_holds_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "jpeg", "--json")
    card = json.loads(out)
    assert (code, card["name"], card["kind"]) == (0, "jpeg@1", "purifications")
    assert card["citation"] == ""
    assert "needs of a surrogate" not in card


def test_what_needs_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "random-sign")
    assert "needs of a surrogate:\n  nothing" in out


def test_a_misspelt_name_gets_the_closest_one(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "jpg")
    assert code == 4
    assert "did you mean 'jpeg'?" in err
