"""Training of the small models: objectives against the samplers of diffusers, and runs that go on after a cut."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
import torch
from diffusers import CogVideoXDDIMScheduler
from torch import Tensor, nn

from antibench.zoo.networks import CaptionEncoder
from antibench.zoo.recipes import RECIPES, Training
from antibench.zoo.training.clips import motion_bucket
from antibench.zoo.training.denoiser import Batch, Draws, Objective
from antibench.zoo.training.pace import Pace
from antibench.zoo.training.session import Session

PLAN = Training(steps=8, batch=2, learning_rate=1e-2, seed=1)


class Says(nn.Module):
    """A denoiser that answers what it is told, and remembers what it was asked."""

    def __init__(self, answer: Tensor) -> None:
        super().__init__()
        self.answer = answer
        self.asked: Tensor | None = None

    def forward(self, x: Tensor, *args: object, **kwargs: object) -> tuple[Tensor]:
        self.asked = x
        return (self.answer,)


def batch_of(count: int) -> tuple[Objective, Batch]:
    generator = torch.Generator().manual_seed(3)
    data = {
        "latents": torch.randn(4, 3, 16, 16, 16, generator=generator),
        "photo": torch.randn(4, 3, 16, 16, 16, generator=generator),
        "ids": torch.ones(4, 12, dtype=torch.long),
    }
    objective = Objective(RECIPES["cogvideox-small"], nn.Identity(), CaptionEncoder(64))
    return objective, objective.draw(data, Draws(5, torch.device("cpu")), count)


def test_the_cogvideox_target_is_the_v_of_the_sampler() -> None:
    objective, batch = batch_of(1)
    scheduler = CogVideoXDDIMScheduler(**RECIPES["cogvideox-small"].scheduler)
    scheduler.set_timesteps(4)
    t = scheduler.timesteps[1]
    batch["t"] = t[None]
    alpha = scheduler.alphas_cumprod[t].float()
    noisy = alpha.sqrt() * batch["z"] + (1 - alpha).sqrt() * batch["noise"]
    v = alpha.sqrt() * batch["noise"] - (1 - alpha).sqrt() * batch["z"]
    found = scheduler.step(v, t, noisy).pred_original_sample
    torch.testing.assert_close(found, batch["z"], atol=1e-4, rtol=1e-4)
    says = Says(v)
    objective.denoiser = says
    assert float(objective(batch)) < 1e-9
    torch.testing.assert_close(objective.clean(batch), batch["z"], atol=1e-4, rtol=1e-4)
    assert says.asked is not None
    # The photo stands beside the first frame only.
    assert float(says.asked[:, 1:, 16:].abs().max()) == 0
    torch.testing.assert_close(says.asked[:, 0, 16:], batch["photo"])


def test_captions_are_dropped_as_often_as_the_recipe_says() -> None:
    _, batch = batch_of(1000)
    assert float((batch["ids"].sum(1) == 0).float().mean()) == pytest.approx(0.1, abs=0.04)


def test_the_motion_bucket_grows_with_motion_and_ends() -> None:
    still = torch.full((1, 4, 3, 8, 8), 100, dtype=torch.uint8)
    moving = still.clone()
    moving[:, 1::2] += 4
    wild = torch.randint(0, 256, (1, 4, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert float(motion_bucket(still)) == 0
    assert float(motion_bucket(moving)) == pytest.approx(100)
    assert float(motion_bucket(wild)) == 255


def learn(session: Session, most: int | None = None) -> None:
    taken = 0
    while session.running() and taken != most:
        weight = next(session.module.parameters())
        loss = (weight - 3).square().sum()
        session.descend(loss)
        session.count(loss)
        taken += 1


def test_a_cut_training_ends_where_an_uncut_one_does(tmp_path: Path) -> None:
    def fresh() -> nn.Module:
        torch.manual_seed(0)
        return nn.Linear(2, 2, bias=False)

    whole = Session(fresh(), PLAN, tmp_path / "whole.pt", 1e9, 0)
    learn(whole)
    first = Session(fresh(), PLAN, tmp_path / "cut.pt", 1e9, 0)
    learn(first, most=3)
    first.save()
    assert not first.finished
    second = Session(fresh(), PLAN, tmp_path / "cut.pt", 1e9, 0)
    assert second.step == 3
    learn(second)
    assert second.finished
    for module in ("module", "average"):
        a, b = (next(getattr(s, module).parameters()) for s in (whole, second))
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_a_run_stops_when_its_time_is_over(tmp_path: Path) -> None:
    session = Session(nn.Linear(1, 1), dataclasses.replace(PLAN, steps=10**9), tmp_path / "s.pt", 0.2, 0)
    learn(session)
    assert 0 < session.step < 10**9
    assert not session.finished


def test_the_pace_sets_the_number_of_steps(tmp_path: Path) -> None:
    session = Session(nn.Linear(1, 1), dataclasses.replace(PLAN, steps=10**9), tmp_path / "s.pt", 60, 1.0)
    learn(session)
    assert session.finished
    assert 90 < session.total < 10**7
    assert session.elapsed < 10


def test_the_pace_leaves_out_what_came_before_the_first_step() -> None:
    pace = Pace()
    assert pace.told(1, 1000, 80.0) == ""
    assert pace.told(101, 1000, 90.0) == "10.0 steps/s, 1.5 min left"
    assert pace.told(501, 1000, 110.0) == "20.0 steps/s, 0.4 min left"


def test_the_log_says_how_long_it_still_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = Session(nn.Linear(1, 1), dataclasses.replace(PLAN, steps=100), tmp_path / "s.pt", 60, 0)
    learn(session)
    first, last = capsys.readouterr().err.splitlines()
    assert re.search(r"step 1/100 loss \d+\.\d{4}$", first)
    assert re.search(r"step 100/100 loss \d+\.\d{4} \d+\.\d steps/s, 0\.0 min left$", last)
