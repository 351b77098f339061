"""The training of the small protectors: what they raise is the victim's own loss, and the budget is kept."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from antibench.errors import UserError
from antibench.registry import MODELS
from antibench.zoo import protectors, train
from antibench.zoo.eight_bit import packed
from antibench.zoo.motion import caption
from antibench.zoo.portraits import ClipFactory
from antibench.zoo.protectors import LEVELS, PROTECTORS, OnePass, load_protector
from antibench.zoo.training.clips import Pool
from antibench.zoo.training.draws import Batch, Draws
from antibench.zoo.training.protector import ProtectorObjective, Victim, measure_protector

CPU = torch.device("cpu")
PROTECTOR = PROTECTORS["protector-small"]
NARROW = {**PROTECTOR.network, "block_out_channels": (8, 8, 16), "norm_num_groups": 4, "attention_head_dim": 8}


def clips(count: int, offset: int = 6_000_000) -> Pool:
    """Rendered clips of the victim's size and length."""
    frames, actions = ClipFactory(64, 8, CPU, offset=offset).batch(0, count, 1)
    return Pool(frames, actions)


@pytest.fixture(scope="module")
def victim() -> Victim:
    return Victim(PROTECTOR.victim, CPU)


@pytest.fixture(scope="module")
def data(victim: Victim) -> Batch:
    return victim.encode(clips(4))


def test_the_loss_of_a_batch_is_that_of_the_adapter_photo_by_photo(victim: Victim, data: Batch) -> None:
    objective = ProtectorObjective(OnePass(NARROW), PROTECTOR, victim)
    batch = objective.draw(data, Draws(0, CPU), torch.arange(3))
    with torch.no_grad():
        found = victim.loss(batch["photos"], batch)
    model, actions = MODELS.create(PROTECTOR.victim).load("cpu"), clips(4).actions
    for row in range(3):
        expected = model.denoise(
            batch["photos"][row : row + 1],
            caption(*actions[row].tolist()),
            clip_latents=batch["clip"][row : row + 1],
            t=(int(batch["level"][row]) + 0.5) / victim.timesteps,
            noise=batch["noise"][row : row + 1],
            guided=True,
        ).loss
        torch.testing.assert_close(found[row], expected, rtol=1e-4, atol=1e-6)
    low, high = PROTECTOR.noise_levels
    assert low * victim.timesteps <= int(batch["level"].min()) <= int(batch["level"].max()) < high * victim.timesteps
    assert LEVELS[0] <= float(batch["levels"].min()) <= float(batch["levels"].max()) <= LEVELS[1]


def test_training_raises_the_victims_loss_on_other_people(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, victim: Victim
) -> None:
    plan = dataclasses.replace(PROTECTOR.train, steps=8, batch=2, learning_rate=4e-3, ema=0.3)
    toy = dataclasses.replace(PROTECTOR, network=NARROW, train=plan)
    monkeypatch.setitem(PROTECTORS, toy.name, toy)
    offsets: list[int] = []

    def few(recipe: object, count: int, device: torch.device, offset: int = 0) -> Pool:
        offsets.append(offset)
        return clips(4, offset)

    monkeypatch.setattr(train, "render_pool", few)
    assert train.main([toy.name, "--out", str(tmp_path), "--device", "cpu"]) == 0
    assert offsets == [protectors.PEOPLE, protectors.PEOPLE_HELD_OUT]
    folder = tmp_path / toy.name
    card = json.loads((folder / "card.json").read_text())
    record = json.loads((folder / "training.json").read_text())["network"]
    assert (record["steps"], record["seed"]) == (8, plan.seed)
    assert card["figures"] == {name: record[name] for name in card["figures"]}

    # What is recorded is measured on the file that was written.
    held_out = victim.encode(clips(4, protectors.PEOPLE_HELD_OUT))
    stored = measure_protector(ProtectorObjective(load_protector(toy.name, folder), toy, victim), held_out)
    assert card["figures"] == pytest.approx(stored, abs=1e-3)
    figures = card["figures"]
    assert figures["victim_loss_protected_8"] > 1.1 * figures["victim_loss_clean"]
    assert figures["victim_loss_protected_16"] > figures["victim_loss_protected_8"] > figures["victim_loss_protected_4"]


def test_the_shipped_network_raises_the_victims_loss_more_than_noise_does(victim: Victim, data: Batch) -> None:
    found = measure_protector(ProtectorObjective(load_protector(PROTECTOR.name), PROTECTOR, victim), data)
    assert found["victim_loss_protected_8"] > 3 * found["victim_loss_signs_8"]


@pytest.mark.parametrize("size", [(1, 1), (7, 13), (64, 64)])
def test_the_budget_is_kept_at_any_size(size: tuple[int, int]) -> None:
    photos = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    network = load_protector(PROTECTOR.name)
    for levels in (1.0, 8.0):
        with torch.no_grad():
            made = network(photos, torch.full((2,), levels))
        assert made.shape == photos.shape
        assert levels / 2 < float((made - photos).abs().max()) * 255 <= levels + 1e-3
        assert 0 <= float(made.min()) <= float(made.max()) <= 1


def test_the_file_is_as_small_as_the_recipe_says() -> None:
    size = len(save(packed(OnePass(PROTECTOR.network).state_dict())))
    assert 0.6 * PROTECTOR.most_bytes < size < PROTECTOR.most_bytes


def test_the_people_are_nobody_elses() -> None:
    batches = train.POOL // 128
    taken = [range(first, first + batches) for first in (0, protectors.PEOPLE, protectors.PEOPLE_HELD_OUT)]
    taken += [range(first, first + train.PHOTOS // 128) for first in (2_000_000, 3_000_000)]
    taken.append(range(train.HELD_OUT_OFFSET, train.HELD_OUT_OFFSET + 2))
    assert len(set().union(*taken)) == sum(map(len, taken))


def test_what_is_missing_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="no small protector 'other'"):
        load_protector("other")
    with pytest.raises(SystemExit):
        train.main([PROTECTOR.name, "--stage", "vae", "--device", "cpu"])
    assert "protector-small has the one stage `network`" in capsys.readouterr().err
