"""A sound protection passes every question; each broken one is caught, by the question that is about its fault."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from toy import SIDE, Fault, Raises, ToyModel, amount, setting

from antibench.attacks.advdm import AdvDM
from antibench.attacks.degenerate import NoOp
from antibench.attacks.random_sign import RandomSign
from antibench.cli import diagnose as command
from antibench.cli import main
from antibench.contracts import Case, PerturbContext
from antibench.diagnosis import findings
from antibench.diagnosis.findings import Finding
from antibench.diagnosis.held import Held, Steps
from antibench.diagnosis.measure import BUDGETS, LENGTHS, Setting, diagnose, with_steps
from antibench.perturb.eot import EOT
from antibench.perturb.interception import intercepting
from antibench.perturb.modified import Modified
from antibench.pixels import digest, to_float
from antibench.purifications.jpeg import Jpeg
from antibench.registry import PROTECTIONS
from antibench.testing.purification_contract import sample_photo
from antibench.testing.tiny_cogvideox import TinyCogVideoX
from antibench.testing.tiny_svd import TinySVD

QUESTIONS = [
    "changes the photo",
    "share of zero gradients",
    "loss over the steps",
    "objective over the budget",
    "objective over the number of steps",
    "objective against random noise",
    "gradient through rounding to 8 bits",
    "gradient against finite differences",
    "strength over the budget",
    "strength against random noise",
]


def asked(plugin: Any, on: Setting | None = None) -> dict[str, Finding]:
    return {finding.name: finding for finding in diagnose(plugin, on or setting())}


def suspicious(found: dict[str, Finding]) -> list[str]:
    return [name for name, finding in found.items() if finding.verdict == "suspicious"]


def test_a_sound_protection_passes_every_question() -> None:
    found = asked(Raises())
    assert list(found) == QUESTIONS
    assert {name: item for name, item in found.items() if item.verdict != "ok"} == {}


@pytest.mark.parametrize(
    ("fault", "caught_by", "why"),
    [
        ("detached", "runs", "does not depend on the photo, or its gradient is cut"),
        ("partly detached", "gradient against finite differences", "a part is cut or masked"),
        ("reversed", "gradient against finite differences", "wrong sign"),
        ("reversed", "loss over the steps", "it ends lower than it began in 0% of draws only"),
        ("reversed", "objective against random noise", "random noise does as well"),
        ("reversed", "strength against random noise", "random noise does as well"),
        ("rounded", "share of zero gradients", "a step had no gradient at all"),
        ("rounded", "changes the photo", "comes back as it was"),
        ("saturated", "share of zero gradients", "a step had no gradient at all"),
        ("wrong sign", "strength over the budget", "no effect at the largest budget"),
        ("wrong sign", "strength against random noise", "random noise does as well"),
        ("fractions", "gradient through rounding to 8 bits", "half a level turns the gradient"),
    ],
)
def test_each_fault_is_caught_by_the_question_about_it(fault: Fault, caught_by: str, why: str) -> None:
    found = asked(Raises(fault, alpha=0.03 if fault == "fractions" else None))
    assert found[caught_by].verdict == "suspicious"
    assert why in found[caught_by].why


def test_a_wrong_sign_is_no_fault_of_the_optimiser() -> None:
    """It minimises what it was given: only the clips can tell."""
    found = asked(Raises("wrong sign"))
    assert set(suspicious(found)) == {"strength over the budget", "strength against random noise"}


def test_too_small_and_too_few_steps_are_told() -> None:
    slow = asked(Raises(alpha=0.02, steps=8))
    assert "the budget is not used" in slow["changes the photo"].why
    assert "not converged" in slow["objective over the number of steps"].why
    assert asked(Raises(steps=3))["objective over the number of steps"].verdict == "unknown"


def test_a_protection_that_does_nothing_is_caught() -> None:
    found = asked(NoOp())
    assert found["changes the photo"].verdict == "suspicious"
    assert found["strength against random noise"].verdict == "suspicious"
    assert found["share of zero gradients"].verdict == "unknown"
    assert "does not descend" in found["share of zero gradients"].why


def test_noise_that_calls_itself_a_protection_is_caught_by_the_clips() -> None:
    found = asked(RandomSign())
    assert found["changes the photo"].verdict == "ok"
    assert "random noise does as well" in found["strength against random noise"].why


def test_what_another_seed_does_alone_is_noise() -> None:
    """A model whose clips differ by the seed as much as by the protection: no strength can be told."""

    class Moody(ToyModel):
        def generate(self, image: Any, prompt: str, seed: int) -> Any:
            return super().generate(image, prompt, seed) if seed != 1 else super().generate(image // 4 + 96, prompt, 0)

    line = asked(Raises(), replace(setting(), surrogate=Moody()))["strength against random noise"]  # type: ignore[arg-type]
    assert line.verdict == "suspicious"
    assert "another seed" in line.found


def test_what_a_protection_raises_is_a_line() -> None:
    @dataclass(frozen=True)
    class Broken(Raises):
        def objective(self, photo: torch.Tensor) -> torch.Tensor:
            raise KeyError("layer 3")

    (line,) = asked(Broken()).values()
    assert (line.name, line.verdict) == ("runs", "suspicious")
    assert "layer 3" in line.why


def test_a_judge_that_cannot_see_gives_no_verdict() -> None:
    blind = replace(setting(), judge=lambda photo, frames: 0.5)
    assert asked(Raises(), blind)["strength against random noise"].verdict == "unknown"
    nan = replace(setting(), judge=lambda photo, frames: float("nan"))
    assert asked(Raises(), nan)["strength against random noise"].verdict == "unknown"
    without = replace(setting(), judge=None)
    assert asked(Raises(), without)["strength over the budget"].verdict == "unknown"


def tiny_setting(*others: Any) -> Setting:
    photos = [sample_photo(index, (SIDE, SIDE)) for index in range(2)]
    cases = [Case(f"c{index}", photo, "a person", digest(photo)) for index, photo in enumerate(photos)]
    return Setting(TinySVD().load("cpu"), cases, others)


def held_of(plugin: Any, on: Setting, draws: int = 3) -> tuple[Held, Steps]:
    from antibench.diagnosis.measure import Photo

    photo = Photo(plugin, on, on.cases[0], 0)
    steps, context = Steps(), photo.context(8)
    with intercepting(steps.watch):
        plugin.perturb(to_float(photo.clean), context)
    assert steps.objective is not None
    return Held(steps.objective, context, draws), steps


@pytest.mark.parametrize("modifier", ["", "eot", "ensemble"])
def test_real_networks_keep_a_held_objective_still_and_its_slope_true(modifier: str) -> None:
    """Random weights, real layers: the same photo gives the same values, another draw others; the gradient holds."""
    plugin: Any = AdvDM(steps=2, guided=False)
    on = tiny_setting(*([TinyCogVideoX().load("cpu")] if modifier == "ensemble" else []))
    if modifier:
        eot = EOT((((Jpeg(), (75.0,)),),)) if modifier == "eot" else None
        plugin = Modified(plugin, "m", eot=eot, ensemble=modifier == "ensemble")
    held, steps = held_of(plugin, on)
    assert (len(steps.losses), len(steps.zeros), len(steps.seen)) == (2, 2, 2)
    image = to_float(on.cases[0].photo)
    if modifier != "ensemble":  # whose scales are those of the last gradient
        assert np.array_equal(held.values(image), held.values(image))
        assert len(set(held.values(image))) == 3
    ratios = held.slopes(image, [0.5 / 255])
    low, high = (0.8, 1.25) if modifier != "eot" else (0, float("inf"))  # through a twin whose slope is a stand-in
    assert low < float(np.median(ratios)) < high


def test_the_number_of_steps_is_changed_inside_a_modified_protection() -> None:
    plugin = Modified(Raises(), "m", ensemble=True)
    changed = with_steps(plugin, 3)
    assert isinstance(changed, Modified)
    assert changed.protection == Raises(steps=3)
    assert changed.ensemble


ON_TOY: dict[str, Any] = {"card": Raises.card}


@pytest.fixture
def on_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command, with the toy model in the place of a small one."""
    monkeypatch.setattr(command, "_setting", lambda members, photos: setting(photos))
    for cls in (Raises, Doubtful):
        monkeypatch.setitem(PROTECTIONS._objects, cls.name, cls)
        monkeypatch.setitem(
            PROTECTIONS._entries, cls.name, replace(PROTECTIONS.find("advdm"), name=cls.name, version=1)
        )


@dataclass(frozen=True)
class Doubtful(Raises):
    fault: Fault = "reversed"

    name: ClassVar[str] = "doubtful"


def code_of(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["check", *arguments])
    return int(str(ended.value.code))


@pytest.mark.usefixtures("on_toy")
def test_the_command_tells_each_line_and_ends_with_zero_or_three(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("raises", "--diagnose") == 0
    out = capsys.readouterr().out
    assert out.startswith("raises on dynamicrafter-small, 2 photos, 40 steps: nothing of 10 suspicious\n")
    assert all(question in out for question in QUESTIONS)
    assert code_of("doubtful", "--diagnose", "--set", "steps=8", "--photos", "3") == 3
    out = capsys.readouterr().out
    assert "doubtful on dynamicrafter-small, 3 photos, 8 steps: 7 of 10 suspicious" in " ".join(out.split())
    assert "wrong sign" in " ".join(out.split())


@pytest.mark.usefixtures("on_toy")
def test_json_of_a_diagnosis(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("doubtful", "--diagnose", "--json") == 3
    answer = json.loads(capsys.readouterr().out)
    assert (answer["name"], answer["ok"], answer["steps"]) == ("doubtful", False, 40)
    assert [line["name"] for line in answer["findings"]] == QUESTIONS
    assert set(answer["findings"][0]) == {"name", "verdict", "found", "why", "points"}
    points = {line["name"]: [x for x, _ in line["points"]] for line in answer["findings"] if line["points"]}
    assert points["objective over the number of steps"] == [10, 20, 40]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["jpeg(75)>resize(0.5)"], "is a composition of purifications"),
        (["jpeg"], "unknown protection 'jpeg'"),
        (["jpeg", "--kind", "purifications"], "--diagnose is for protections"),
        (["advdm", "--set", "stepz=3"], "has no parameter 'stepz'"),
        (["advdm", "--surrogate", "nope"], "unknown video model 'nope'"),
        (["advdm+ensemble(dynamicrafter-small)", "--surrogate", "svd"], "the ensemble says what it is made on"),
    ],
)
def test_bad_input_of_a_diagnosis(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(*arguments, "--diagnose") == 4
    assert message in capsys.readouterr().err


# What numbers mean, by hand.


def curve(*means: float) -> Finding:
    return findings.curve(np.array([means]))


@pytest.mark.parametrize(
    ("finding", "why"),
    [
        (curve(1, 0.5, 0.3, 0.2, 0.1), ""),
        (curve(1, 0.8, 0.6, 0.4, 0.1), "still falling: 33% of it in the last quarter"),
        (curve(1, 0.3, 0.1, 0.2, 0.5), "it rises again"),
        (curve(1, 1.1, 1.2, 1.2, 1.3), "it ends lower than it began in 0%"),
        (curve(1, 0, 0, 0, float("nan")), "a value is not finite"),
        (findings.curve(np.array([[1, 0, 0, 0, 0.0], [1, 2, 2, 2, 2]])), "in 50% of draws only"),
        (findings.by_budget({2: np.array([0.1]), 4: np.array([0.2]), 16: np.array([0.3])}, "x"), ""),
        (findings.by_budget({2: np.array([0.3]), 4: np.array([0.2]), 16: np.array([0.3])}, "x"), "does no more"),
        (findings.by_budget({2: np.array([-0.3]), 16: np.array([-0.1])}, "x"), "no effect at the largest"),
        (findings.by_budget({2: np.array([0.1]), 4: np.array([0.4]), 16: np.array([0.3])}, "x"), "falls on the way up"),
        (findings.by_steps({5: 0.6, 10: 0.8, 20: 1.0}), ""),
        (findings.by_steps({5: 0.3, 10: 0.6, 20: 1.0}), "adds 40%"),
        (findings.by_steps({5: 0.3, 10: 0.6, 20: -1.0}), "no effect"),
        (findings.against_noise(1.0, 0.4, "x"), ""),
        (findings.against_noise(1.0, 0.6, "x"), "reaches 60%"),
        (findings.against_noise(0.1, 0.6, "x"), "does as well"),
        (findings.against_noise(-0.1, -0.6, "x"), "does as well"),
        (findings.zeros([0.0, 0.1]), ""),
        (findings.zeros([0.4, 0.4]), "a good part of the photo"),
        (findings.zeros([0.0, 1.0]), "no gradient at all"),
        (findings.zeros([]), "no step had a gradient"),
        (findings.rounding([0.9, 0.8]), ""),
        (findings.rounding([0.4, 0.5]), "half a level turns"),
        (findings.rounding([float("nan")]), "there is no gradient"),
        (findings.slope(np.array([[1.02, 0.7]]), (1, 2)), ""),
        (findings.slope(np.array([[0.4, 0.3]]), (1, 2)), "a part is cut"),
        (findings.slope(np.array([[3.0, 2.0]]), (1, 2)), "a part is cut"),
        (findings.slope(np.array([[3.0, 2.0]]), (1, 2), stand_in=True), ""),
        (findings.slope(np.array([[-3.0, -2.0]]), (1, 2), stand_in=True), "wrong sign"),
        (findings.slope(np.array([[-1.0, -0.9]]), (1, 2)), "wrong sign"),
        (findings.slope(np.array([[float("nan")] * 2]), (1, 2)), "zero"),
        (findings.change([8, 8], 8, [0.9]), ""),
        (findings.change([0, 0], 8, [0.0]), "as it was"),
        (findings.change([3, 3], 8, [0.9]), "not used"),
    ],
)
def test_what_numbers_mean(finding: Finding, why: str) -> None:
    assert finding.verdict == ("suspicious" if why else "ok")
    assert why in finding.why


def test_the_toy_is_what_it_says() -> None:
    """A perturbation along the pattern moves the clip, one of random signs hardly."""
    on = setting()
    photo = to_float(on.cases[0].photo)
    context = PerturbContext("", 8, on.surrogate, (), photo, torch.Generator().manual_seed(0))
    along = Raises().perturb(photo, context)
    noise = RandomSign().perturb(photo, context)
    assert float(amount(along) - amount(photo)) == pytest.approx(8 / 255, rel=0.02)
    assert abs(float(amount(noise) - amount(photo))) < 8 / 255 / 8
    assert max(BUDGETS) == 16
    assert len(LENGTHS) == 3
