"""What cards say was measured is what the accepted run of `full` and the look at the optimisers say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from antibench.baseline import Baseline, read_baseline
from antibench.claims import answers
from antibench.registry import PROTECTIONS
from antibench.report.card import facts
from antibench.report.measured import FILE, measured
from antibench.scores import Scores

ROOT = Path(__file__).resolve().parents[2]
HELD: dict[str, Any] = json.loads((ROOT / "antibench/report" / FILE).read_text())


@pytest.fixture(scope="module")
def full() -> Baseline:
    return read_baseline(ROOT / "results/baselines/full.json")


def test_rows_are_those_of_the_baseline(full: Baseline) -> None:
    summary = full.run.summary()
    assert HELD["suite"] == f"{summary['suite']}@{summary['suite_version']}"
    shown = {
        (row["protection"], row["target"], row["budget"]): row
        for row in summary["rows"]
        if row["metric"] == summary["headline"] and row["worst_case"] is not None
    }
    told = [row for item in HELD["protections"].values() for row in item["rows"]]
    for row in told:
        own = shown[row["label"], row["target"], row["budget"]]
        for key in ("strength", "high", "excess", "excess_high", "worst_case", "worst_high"):
            assert row[key] == own[key], (row["label"], key)
        assert (row["noise"], row["worst_noise"]) == (own["noise"]["high"], own["noise"]["worst_high"])
    assert len(told) == sum(row["role"] == "protection" for row in shown.values()) > 22


def test_claims_are_answered_as_the_baseline_answers_them(full: Baseline) -> None:
    found = [answer for answer in answers(Scores(full.run.header, full.run.cells)) if not answer.claim.metric]
    assert len(found) > 20
    for answer in found:
        key = f"{answer.claim.more} > {answer.claim.less}, strength, {answer.claim.after}"
        told = HELD["protections"][answer.protection]["claims"][key]
        assert answer.difference is not None
        assert told["verdict"] == answer.verdict
        assert told["difference"] == pytest.approx(answer.difference.estimate, abs=1e-6)


def test_optimisers_are_those_of_their_file() -> None:
    lines = [json.loads(line) for line in (ROOT / "docs/results/optimisers.jsonl").read_text().splitlines()]
    expected = {line["label"]: line["loss"] for line in lines if "loss" in line and "@from" not in line["label"]}
    told = {item["label"]: item["loss"] for own in HELD["protections"].values() for item in own["optimisers"]}
    assert told.items() <= expected.items()
    assert {"dct-shield", "immune2v", "vgmshield", "i2vguard", "dormant", "anti-prompt", "sds@plus"} <= told.keys()


def test_the_card_of_what_does_nothing_shows_its_loss_and_gradient() -> None:
    (lines,) = [lines for heading, lines in facts(PROTECTIONS.load("dct-shield")) if heading == "measured"]
    assert lines[0] == "full@14, 24 portraits:"
    assert "strength -0.01 ± 0.04" in lines[1]
    assert "58.4, 56.9, 56.9, 56.9, 56.9 (random signs: 58.6); gradient 0.89 of its first size" in lines[2]


def test_every_built_in_protection_says_what_was_measured_and_no_other_does() -> None:
    own = [PROTECTIONS.load(entry.name) for entry in PROTECTIONS.entries()]
    assert all(
        measured(cls) for cls in own if cls.role == "protection" and cls.__module__.startswith("antibench.attacks.")
    )
    advdm = PROTECTIONS.load("advdm")
    assert measured(type("Other", (advdm,), {"__module__": "somebody.else"})) == []
    assert measured(type("Newer", (advdm,), {"__module__": advdm.__module__, "version": advdm.version + 1})) == []
