"""Claims of the cards are answered by paired comparisons of a run whose true strengths are known."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_up_runs import World

from antibench import claims
from antibench.builtin import BUILTIN
from antibench.claims import Answer, answers, claims_of, main, verdict
from antibench.contracts import Claim
from antibench.registry import PROTECTIONS
from antibench.scores import Scores
from antibench.stats import Interval
from antibench.suite_file import load_suite

THREE = {
    "advdm": {"none": 0.6, "jpeg(75)": 0.1},
    "mist": {"none": 0.4, "jpeg(75)": 0.3},
    "other": {"none": 0.4, "jpeg(75)": 0.3},
}
ASKED = (
    Claim("more", "advdm", "mist"),
    Claim("more after JPEG", "advdm", "mist", after="jpeg(75)"),
    Claim("as much", "mist", "other"),
    Claim("more than noise", "mist", "random-sign"),
    Claim("faces lost", "advdm", "clean", metric="fdfr[mtcnn]"),
    Claim("what the run lacks", "advdm", "absent"),
)


def asked(monkeypatch: pytest.MonkeyPatch, *claimed: Claim) -> None:
    monkeypatch.setattr(claims, "claims_of", lambda header: [("advdm", claim) for claim in claimed])


def found(world: World) -> dict[str, Answer]:
    return {answer.claim.said: answer for answer in answers(Scores(world.header, world.cells))}


def test_each_claim_gets_the_verdict_of_the_world_that_was_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked(monkeypatch, *ASKED)
    said = found(World(THREE, photos=16, noise=0.02))
    assert {name: answer.verdict for name, answer in said.items()} == {
        "more": "holds",
        "more after JPEG": "reversed",
        "as much": "not told apart",
        "more than noise": "holds",
        "faces lost": "holds",
    }
    assert said["more"].difference is not None
    assert said["more"].difference.estimate == pytest.approx(0.2, abs=0.03)
    assert said["more after JPEG"].difference is not None
    assert said["more after JPEG"].difference.estimate == pytest.approx(-0.2, abs=0.03)
    # A metric is compared in its own unit: a strength of 0.6 is 0.36 of this world's scores.
    assert said["faces lost"].difference is not None
    assert said["faces lost"].difference.estimate == pytest.approx(0.36, abs=0.02)


def test_photos_that_one_side_lacks_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    asked(monkeypatch, ASKED[0])
    world = World(THREE, photos=8, noise=0.02)
    lost = [line for line in world.cells if line["protection"] == "mist" and line["metric"] == "ism0[dlib]"]
    for line in lost[:1]:
        line.update(status="skipped", value=None, reason="no face")
    (answer,) = found(world).values()
    assert answer.difference is not None
    assert answer.difference.photos == 7


def test_a_verdict_needs_the_whole_interval_on_one_side() -> None:
    assert verdict(Interval(0.2, 0.01, 0.4, 0.1, 8)) == "holds"
    assert verdict(Interval(0.2, -0.01, 0.4, 0.1, 8)) == "not told apart"
    assert verdict(Interval(-0.2, -0.4, -0.01, 0.1, 8)) == "reversed"
    assert verdict(Interval(0.2, None, None, None, 1)) == "not measured"
    assert verdict(None) == "not measured"


def test_the_command_prints_a_row_a_claim(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from run_folders import write

    asked(monkeypatch, *ASKED)
    folder = write(World(THREE, photos=8, noise=0.02), tmp_path / "run")
    assert main([str(folder)]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 2 + len(ASKED) - 1
    assert "strength of advdm &gt; of mist, after jpeg(75)" in rows[3]
    assert rows[3].endswith("| reversed |")


def test_the_suite_of_all_methods_can_answer_what_every_card_claims() -> None:
    suite = load_suite("full", [])
    labels = {choice.label or choice.name for choice in suite.protections} | {"clean", "random-sign"}
    names = [row[0].partition("@")[0] for row in BUILTIN["protections"]]
    asked = claims_of({"protections": [{"name": name} for name in names]})
    assert len({name for name, _ in asked}) >= 15
    for _, claim in asked:
        assert {claim.more, claim.less} <= labels
        assert claim.after == "none" or claim.after.partition("(")[0] in {choice.name for choice in suite.purifications}
        assert not claim.metric or claim.metric in {metric.name for metric in suite.metrics}
    published = [name for name in names if PROTECTIONS.load(name).card.arxiv]
    assert {name for name, _ in asked} >= set(published) - {"mist-vaijsc"}
