"""The validity gate: each question is answered by the figures, and each can fail alone."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from antibench.cases import case_ids
from antibench.resolve import resolve
from antibench.zoo import gate
from antibench.zoo.gate import _mean, _scored_portraits, judge, moved, strongest, suite_of, write_card

NOISE = "random noise does nothing beyond the seed noise"


def row(protection: str, role: str, strength: float, protected: float, excess: float, photo: float) -> dict[str, Any]:
    return {
        "protection": protection,
        "role": role,
        "strength": strength,
        "low": strength - 0.1,
        "high": strength + 0.1,
        "excess": excess,
        "excess_low": excess - 0.1,
        "excess_high": excess + 0.1,
        "means": {"protected": protected, "clean": 0.6, "floor": 0.0},
        "photo": photo,
        "own_input": protected,
        "purified": {
            label: {"strength": strength * kept, "low": strength * kept - 0.1, "high": strength * kept + 0.1}
            for label, kept in (("none", 1), ("jpeg(75)", 0.5), ("resize(0.5)", 0.25))
        },
    }


def valid() -> dict[str, Any]:
    return {
        "model": "cogvideox-small@5",
        "suite": "gate@5",
        "portraits": 64,
        "cells": {},
        "real": {"ism[dlib]": 0.7, "fdfr[mtcnn]": 0.0, "sharpness": 1.0},
        "clean": {
            "ism0[dlib]": 0.6,
            "ism0[mobileface]": 0.5,
            "ism-own-input[dlib]": 0.6,
            "ism[dlib]": 0.6,
            "fdfr[mtcnn]": 0.02,
            "sharpness": 0.8,
            "motion": 0.4,
        },
        "motion": {"what": "flow", "mean": 0.3, "error": 0.05, "photos": 16, "of": 16},
        "moved": {
            name: {"noise": 0.05, "seed": 0.06, "further": -0.01, "low": -0.02, "high": 0.0}
            for name in ("random-sign", "random-lowfreq")
        },
        "rows": [
            row("random-sign", "control", 0.02, 0.59, 0.0, 0.8),
            row("random-lowfreq", "control", -0.03, 0.61, 0.0, 0.9),
            row("advdm", "protection", 0.8, 0.1, 0.6, 0.85),
            row("mist", "protection", 0.4, 0.35, 0.2, 0.9),
        ],
        "second": [
            row("random-sign", "control", 0.5, 0.1, 0.4, 0.9),
            row("mist", "protection", 0.9, 0.05, 0.9, 0.95),
            row("advdm", "protection", 0.7, 0.2, 0.5, 0.82),
        ],
    }


def test_a_valid_world_passes() -> None:
    answers = judge(valid())
    assert len(answers) == 10
    assert all(answer.ok for answer in answers), answers


@pytest.mark.parametrize(
    ("question", "spoil"),
    [
        ("clean clips keep the person", lambda f: f["clean"].update({"ism[dlib]": 0.5})),
        ("clean clips have a face", lambda f: f["clean"].update({"fdfr[mtcnn]": 0.1})),
        ("clean clips stay sharp", lambda f: f["clean"].update({"sharpness": 0.49})),
        ("the clip moves as told", lambda f: f["motion"].update({"error": 0.2})),
        ("the clip moves as told", lambda f: f["motion"].update({"photos": 3})),
        (NOISE, lambda f: f["moved"]["random-sign"].update({"low": 0.001})),
        (NOISE, lambda f: f["moved"]["random-lowfreq"].update(dict.fromkeys(("noise", "further", "low", "high")))),
        (NOISE, lambda f: f["moved"].pop("random-lowfreq")),
        (NOISE, lambda f: f.pop("moved")),
        (NOISE, lambda f: f["rows"].pop(1)),
        (NOISE, lambda f: f["rows"][1].update({"high": None})),
        (
            "a protection takes the person from the video and leaves the photo",
            lambda f: f["rows"][2]["means"].update({"protected": 0.31}) or f["rows"][3]["means"].update(protected=0.4),
        ),
        (
            "a protection takes the person from the video and leaves the photo",
            lambda f: [r.update(photo=0.79) for r in f["rows"][2:]],
        ),
        ("the video leaves its own input as well", lambda f: f["rows"][2].update(own_input=0.31)),
        ("the video leaves its own input as well", lambda f: f["rows"][2].update(own_input=None)),
        ("a second judge says the same", lambda f: f["second"][2]["means"].update(protected=0.26)),
        ("a second judge says the same", lambda f: f["second"][2]["means"].update(protected=None)),
        ("a second judge says the same", lambda f: f["second"][2].update(photo=0.79)),
        ("a second judge says the same", lambda f: f["second"].pop(2)),
        ("a second judge says the same", lambda f: f["clean"].update({"ism0[mobileface]": None})),
        (
            "the damage is beyond the photo's own",
            lambda f: [r.update({"excess_low": -0.01}) for r in f["rows"][2:]],
        ),
        # As strong as the strongest protection may be, or so uncertain that it may be.
        (NOISE, lambda f: f["rows"][0].update({"low": -9.0, "high": 0.71})),
        # Lower, but each interval reaches the unpurified strength.
        (
            "each purification restores a part",
            lambda f: [row["purified"]["jpeg(75)"].update(high=row["strength"]) for row in f["rows"]],
        ),
        (
            "each purification restores a part",
            lambda f: [row["purified"]["resize(0.5)"].update(high=None) for row in f["rows"]],
        ),
    ],
)
def test_each_question_can_fail_alone(question: str, spoil: Any) -> None:
    figures = copy.deepcopy(valid())
    spoil(figures)
    assert [answer.name for answer in judge(figures) if not answer.ok] == [question]


def cells_of(scores: dict[str, list[float | None]]) -> list[dict[str, Any]]:
    return [
        {"metric": metric, "purification": label, "protection": protection, "case": f"p{photo}", "value": value}
        for metric, label, factor in (("ism0[dlib]", "none", 1.0), ("ism0[dlib]", "jpeg", 9.0), ("motion", "none", 9.0))
        for protection, values in scores.items()
        for photo, value in enumerate(value and factor * value for value in values)
    ]


def test_noise_is_held_against_what_another_seed_does_to_the_same_clip() -> None:
    scores: dict[str, list[float | None]] = {
        "clean": [0.5, 0.6, 0.7, 0.8],
        "clean-reseeded": [0.6, 0.5, 0.7, 0.8],
        "random-sign": [0.5, 0.6, 0.5, 0.6],
        "advdm": [0.1, 0.1, 0.1, 0.1],
    }
    found = moved(cells_of(scores), "random-sign")
    assert (found["seed"], found["noise"], found["further"]) == (0.05, 0.1, 0.05)
    # The differences -.1, -.1, .2, .2 have a standard error of .0866 over 4 photos; t(.975, 3) = 3.18.
    assert found["low"] == pytest.approx(0.05 - 3.18 * 0.0866, abs=0.02)
    assert found["high"] == pytest.approx(0.05 + 3.18 * 0.0866, abs=0.02)
    faceless = {name: [*values, None] for name, values in scores.items()}
    assert moved(cells_of(faceless), "random-sign") == found
    scores["clean-reseeded"][2] = None
    assert set(moved(cells_of(scores), "random-sign").values()) == {None}
    assert set(moved([], "random-sign").values()) == {None}


def test_portraits_that_nothing_can_be_scored_against_do_not_count() -> None:
    scored = [{"metric": "ism0[dlib]", "status": "ok", "case": case} for case in ("a", "a", "b")]
    other = [{"metric": "ism0[dlib]", "status": "skipped", "case": "c"}, {**scored[0], "metric": "motion", "case": "c"}]
    assert _scored_portraits([*scored, *other]) == 2


def test_the_second_judge_is_asked_about_the_protection_the_first_finds_strongest() -> None:
    """Not about the one it finds strongest itself: two networks fooled by two protections are no confirmation."""
    figures = valid()
    (said,) = [answer for answer in judge(figures) if answer.name == "a second judge says the same"]
    assert said.detail == "advdm takes 60% (at least 50%), photo keeps 0.82 (0.8)"
    figures["rows"][3]["means"]["protected"] = 0.05
    (said,) = [answer for answer in judge(figures) if answer.name == "a second judge says the same"]
    assert said.detail == "mist takes 90% (at least 50%), photo keeps 0.95 (0.8)"


def test_a_protection_that_spoils_the_photo_does_not_stand_for_the_others() -> None:
    figures = valid()
    figures["rows"][3]["means"]["protected"] = 0.05
    figures["rows"][3]["photo"] = 0.79
    best = strongest(figures["rows"][2:])
    assert best is not None
    assert best["protection"] == "advdm"
    assert all(answer.ok for answer in judge(figures))


def test_a_protection_that_failed_leaves_no_verdict() -> None:
    """It used to end in a TypeError, after an hour's work."""
    figures = valid()
    figures["rows"][3]["means"]["protected"] = None
    assert strongest(figures["rows"][2:]) is None
    unanswered = {answer.name for answer in judge(figures) if answer.detail == "not measured"}
    assert unanswered >= {NOISE, "a second judge says the same", "the video leaves its own input as well"}
    assert not any(answer.ok for answer in judge(figures) if answer.name in unanswered)


def test_the_command_hands_on_what_it_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told: dict[str, Any] = {}

    def measured(*arguments: Any, **named: Any) -> dict[str, Any]:
        told.update(dict(zip(("name", "portraits", "store", "runs", "workers"), arguments, strict=True)), **named)
        return valid()

    monkeypatch.setattr(gate, "measure", measured)
    monkeypatch.setattr(gate, "write_card", lambda name, figures: True)
    asked = ["cogvideox-small", "--portraits", "64", "--first", "65", "--workers", "6", "--device", "cuda"]
    assert gate.main([*asked, "--store", str(tmp_path), "--runs", str(tmp_path)]) == 0
    assert told == {
        "name": "cogvideox-small",
        "portraits": 64,
        "store": tmp_path,
        "runs": tmp_path,
        "workers": 6,
        "first": 65,
        "device": "cuda",
    }


def test_a_mean_is_never_over_what_happens_to_exist() -> None:
    cells = [
        {"metric": "ism[dlib]", "status": "ok", "value": 0.5},
        {"metric": "ism[dlib]", "status": "skipped", "value": None},
        {"metric": "motion", "status": "ok", "value": 0.5},
        {"metric": "motion", "status": "failed", "value": None},
    ]
    assert _mean(cells, metric="ism[dlib]") == 0.5
    assert _mean(cells, metric="motion") is None
    assert _mean(cells, metric="psnr") is None


def test_the_card_holds_verdict_figures_and_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "weights" / "cogvideox-small"
    folder.mkdir(parents=True)
    (folder / "training.json").write_text('{"vae": {"seed": 1}}')
    monkeypatch.setattr("antibench.zoo.gate.files", lambda package: tmp_path)
    assert write_card("cogvideox-small", valid())
    card = json.loads((folder / "card.json").read_text())
    assert card["gate"] == "passed"
    assert (card["model"], card["suite"]) == ("cogvideox-small@5", "gate@5")
    assert card["training"] == {"vae": {"seed": 1}}
    assert card["figures"]["portraits"] == 64
    few = {**valid(), "portraits": 16}
    assert all(answer.ok for answer in judge(few))
    assert not write_card("cogvideox-small", few)
    worse = valid()
    worse["clean"]["sharpness"] = 0.1
    assert not write_card("cogvideox-small", worse)
    assert json.loads((folder / "card.json").read_text())["gate"] == "failed"


@pytest.mark.parametrize("portraits", [3, 64])
def test_as_many_portraits_are_measured_as_were_asked_for(portraits: int) -> None:
    assert len(case_ids(resolve(suite_of("cogvideox-small", portraits)))) == portraits


def test_a_verdict_may_be_asked_again_of_other_people() -> None:
    ids = case_ids(resolve(suite_of("cogvideox-small", 2, first=65)))
    assert ids == ["portrait-test-0065", "portrait-test-0066"]
