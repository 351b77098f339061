"""Progress: bars for a terminal, lines for a log, silence if asked."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from antibench import progress
from antibench.progress import Bars, Lines, Quiet, teller


def test_without_a_terminal_there_are_short_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with teller(quiet=False) as tell:
        assert isinstance(tell, Lines)
        tell.begin({"protect": 2, "purify": 0, "score": 1})
        for stage in ("protect", "protect", "score"):
            tell.advance(stage)
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0] == "to do: protect 2, score 1"
    assert lines[1] == "protect: 0 left; all: 2/3"
    assert lines[2] == "score: 0 left; all: 3/3"


def test_a_long_stage_says_so_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 10.0, 20.0, 25.0, 40.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    tell = Lines()
    tell.begin({"generate": 10})
    for _ in range(5):
        tell.advance("generate")
    assert capsys.readouterr().err.splitlines()[1:] == [
        "generate: 7 left, about 70 s; all: 3/10",
        "generate: 5 left, about 50 s; all: 5/10",
    ]


def test_the_pace_of_a_slow_stage_says_nothing_about_a_fast_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 100.0, 200.0, 201.0, 217.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    tell = Lines()
    tell.begin({"protect": 3, "score": 1000})
    for stage in ("protect", "protect", "protect", "score", "score"):
        tell.advance(stage)
    assert capsys.readouterr().err.splitlines()[1:] == [
        "protect: 1 left, about 100 s; all: 2/1003",
        "protect: 0 left; all: 3/1003",
        "score: 998 left, about 15968 s; all: 5/1003",
    ]


def test_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with teller(quiet=True) as tell:
        assert isinstance(tell, Quiet)
        tell.begin({"score": 1})
        tell.advance("score")
        tell.note("nothing")
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_there_is_a_bar_a_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()

    def console(stderr: bool) -> Console:
        assert stderr
        return Console(file=screen, force_terminal=True, width=100)

    monkeypatch.setattr(progress, "Console", console)
    with teller(quiet=False) as tell:
        assert isinstance(tell, Bars)
        tell.begin({"protect": 2, "purify": 0, "score": 3})
        tell.advance("protect")
        tell.note("[a note]")
    shown = screen.getvalue()
    assert "protect" in shown
    assert "1/2" in shown
    assert "0/3" in shown
    assert "purify" not in shown
    assert "[a note]" in shown
