"""The training command from end to end on a toy, and the pool it keeps."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from antibench.datasets.portraits import Portraits
from antibench.errors import UserError
from antibench.zoo import train
from antibench.zoo.assemble import weights_folder
from antibench.zoo.eight_bit import restored
from antibench.zoo.recipes import RECIPES, Training
from antibench.zoo.training.cache import cached_pool, pool_key
from antibench.zoo.training.clips import Pool
from antibench.zoo.training.draws import Batch
from antibench.zoo.training.session import Session
from antibench.zoo.training.vae import vae_losses

CPU = torch.device("cpu")
NAME = "dynamicrafter-small-holdout"
"""A model on another's VAE."""


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """the twin of dynamicrafter-small with a narrow U-Net, two steps, and eight clips of noise instead of portraits."""
    recipe = RECIPES[NAME]
    narrow = dataclasses.replace(
        recipe,
        denoiser={**recipe.denoiser, "model_channels": 32, "addition_attention": False},
        train_denoiser=(
            Training(steps=2, batch=2, learning_rate=1e-3, seed=1),
            Training(steps=1, batch=2, learning_rate=1e-3, seed=2),
        ),
    )
    monkeypatch.setitem(RECIPES, recipe.name, narrow)
    rendered: list[str] = []

    def few(*args: object) -> Pool:
        rendered.append("pool")
        frames = torch.randint(0, 256, (8, 8, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        return Pool(frames, torch.zeros(8, 3, dtype=torch.long))

    monkeypatch.setattr(train, "render_pool", few)
    monkeypatch.setattr(train, "measure_denoiser", lambda *args: 0.5)
    return rendered


def run(out: Path, *more: str) -> int:
    return train.main([NAME, "--out", str(out), "--device", "cpu", "--clips", "128", *more])


def test_a_model_is_trained_on_the_shipped_vae_and_its_pool_is_kept(toy: list[str], tmp_path: Path) -> None:
    cache = tmp_path / "pool.safetensors"
    assert run(tmp_path, "--cache", str(cache), "--round", "1") == 0
    assert toy == ["pool", "pool"]  # to train on, and held out
    record = json.loads((tmp_path / NAME / "training.json").read_text())
    assert record["denoiser"]["steps"] == record["denoiser"]["of"] == 2
    saved = load_file(tmp_path / NAME / "denoiser.safetensors")
    assert {value.dtype for value in saved.values()} == {torch.int8, torch.float16}
    assert any(name.startswith("condition.projector.") for name in saved)
    assert any(name.startswith("condition.captions.") for name in saved)
    pool = load_file(cache)
    assert pool["latents"].shape == (8, 8, 32, 8, 8)
    assert {pool[name].dtype for name in ("latents", "photo", "tokens")} == {torch.float16}

    again = tmp_path / "again"
    assert run(again, "--cache", str(cache), "--round", "1") == 0
    assert len(toy) == 3
    same = load_file(again / NAME / "denoiser.safetensors")
    assert all(torch.equal(same[name], saved[name]) for name in saved)


def test_a_later_round_goes_on_from_the_weights_of_the_one_before(toy: list[str], tmp_path: Path) -> None:
    folder = tmp_path / NAME
    assert run(tmp_path, "--round", "1") == 0
    first = load_file(folder / "denoiser.safetensors")
    assert run(tmp_path, "--round", "2") == 0
    second = load_file(folder / "denoiser.safetensors")
    record = json.loads((folder / "training.json").read_text())
    assert [(record[stage]["seed"], record[stage]["steps"]) for stage in record] == [(1, 2), (2, 1)]
    assert list(record) == ["denoiser", "denoiser-2"]
    # One step of at most the learning rate away, where fresh weights of another seed would be anywhere.
    before, after = restored(first), restored(second)
    moved = [(after[name] - before[name]).abs().max() for name in before]
    assert 0 < max(moved) < 5e-3
    assert torch.equal(second["condition.scale"], first["condition.scale"])

    both = tmp_path / "both"
    assert run(both) == 0
    at_once = load_file(both / NAME / "denoiser.safetensors")
    assert all(torch.equal(at_once[name], second[name]) for name in second)


def test_a_round_that_is_not_in_the_recipe_is_refused(
    toy: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(tmp_path, "--round", "3")
    assert "there is no round 3: this stage has 2" in capsys.readouterr().err


def test_a_kept_pool_of_another_making_is_refused(
    toy: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "pool.safetensors"
    cached_pool(cache, "cogvideox-small 128 0000", lambda: {"latents": torch.zeros(1)}, CPU)
    with pytest.raises(SystemExit) as caught:
        run(tmp_path, "--cache", str(cache))
    assert caught.value.code == 2
    assert "holds another pool ('cogvideox-small 128 0000')" in capsys.readouterr().err


def test_a_pool_is_made_once(tmp_path: Path) -> None:
    made: list[int] = []

    def make() -> Batch:
        made.append(1)
        return {"latents": torch.arange(4.0).half(), "ids": torch.arange(4)}

    path = tmp_path / "deep" / "pool.safetensors"
    one, two = cached_pool(path, "a", make, CPU), cached_pool(path, "a", make, CPU)
    assert made == [1]
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) and one[name].dtype == two[name].dtype for name in one)
    with pytest.raises(UserError, match="remove it or name another file"):
        cached_pool(path, "b", make, CPU)
    assert cached_pool(None, "a", make, CPU).keys() == one.keys()
    assert made == [1, 1]


def test_a_model_that_ships_no_weights_is_trained_a_first_time(
    toy: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recipe = dataclasses.replace(RECIPES[NAME], name="new-small")
    monkeypatch.setitem(RECIPES, recipe.name, recipe)
    asked = ["new-small", "--stage", "denoiser", "--round", "1", "--device", "cpu"]
    assert train.main([*asked, "--out", str(tmp_path)]) == 0
    assert list(json.loads((tmp_path / "new-small" / "training.json").read_text())) == ["denoiser"]


def test_the_decoder_is_trained_further_and_no_latent_moves(
    toy: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recipe = RECIPES["dynamicrafter-small"]
    short = dataclasses.replace(recipe, train_decoder=(Training(steps=1, batch=1, learning_rate=1e-3, seed=1),))
    monkeypatch.setitem(RECIPES, recipe.name, short)
    more = ["--stage", "decoder", "--out", str(tmp_path), "--device", "cpu"]
    assert train.main([recipe.name, *more]) == 0
    before = load_file(weights_folder(recipe.name) / "vae.safetensors")
    after = load_file(tmp_path / recipe.name / "vae.safetensors")
    moved = {name.split(".")[0] for name, value in after.items() if not torch.equal(value, before[name])}
    assert moved == {"decoder"}
    assert json.loads((tmp_path / recipe.name / "training.json").read_text())["decoder"]["steps"] == 1


def test_a_decoder_trained_against_a_critic_moves_no_latent_and_keeps_no_critic(
    toy: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recipe = RECIPES["dynamicrafter-small"]
    plan = Training(steps=2, batch=1, learning_rate=1e-3, seed=1, adversarial=0.5)
    monkeypatch.setitem(RECIPES, recipe.name, dataclasses.replace(recipe, train_decoder=(plan,)))
    assert train.main([recipe.name, "--stage", "decoder", "--out", str(tmp_path), "--device", "cpu"]) == 0
    before = load_file(weights_folder(recipe.name) / "vae.safetensors")
    after = load_file(tmp_path / recipe.name / "vae.safetensors")
    assert before.keys() == after.keys()
    moved = {name.split(".")[0] for name, value in after.items() if not torch.equal(value, before[name])}
    assert moved == {"decoder"}
    state = torch.load(tmp_path / recipe.name / "state-decoder.pt", weights_only=True)
    assert any(name.startswith("critic.") for name in state["module"])


@pytest.mark.parametrize(
    ("name", "reader", "frames"),
    [("dynamicrafter-small",) * 2 + (8,), ("cogvideox-small", "cogvideox-tokens-small", 9)],
)
def test_a_decoder_learns_to_read_what_a_denoiser_predicts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, reader: str, frames: int
) -> None:
    """Every other step decodes predictions, of a model with one latent a frame as single frames."""
    seen: list[tuple[int, ...]] = []

    def losses(*args: Any) -> dict[str, Tensor]:
        told = tuple(args[-1]["z"].shape[:3]) if "z" in args[-1] else ()
        seen.append(tuple(args[-1]["x"].shape[:2]) + told)
        return vae_losses(*args)

    def few(*args: object) -> Pool:
        pixels = torch.randint(0, 256, (2, frames, 3, 64, 64), generator=torch.Generator().manual_seed(0))
        return Pool(pixels.byte(), torch.zeros(2, 3, dtype=torch.long))

    monkeypatch.setattr(train, "render_pool", few)
    monkeypatch.setattr("antibench.zoo.training.vae.vae_losses", losses)
    plan = Training(steps=4, batch=1, learning_rate=1e-3, seed=1, denoised_by=reader)
    monkeypatch.setitem(RECIPES, name, dataclasses.replace(RECIPES[name], train_decoder=(plan,)))
    assert train.main([name, "--stage", "decoder", "--out", str(tmp_path), "--device", "cpu"]) == 0
    predicted = (9, 1, 9, 1, 16) if frames == 9 else (1, 8, 1, 8, 32)
    assert sorted(seen) == sorted([predicted, predicted, (1, frames), (frames, 1)])
    before = load_file(weights_folder(name) / "vae.safetensors")
    after = load_file(tmp_path / name / "vae.safetensors")
    assert {key.split(".")[0] for key, value in after.items() if not torch.equal(value, before[key])} == {"decoder"}


def test_a_later_round_of_the_vae_goes_on_from_what_is_shipped(
    toy: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recipe = RECIPES["dynamicrafter-small"]
    plan = Training(steps=1, batch=1, learning_rate=1e-3, seed=1)
    monkeypatch.setitem(RECIPES, recipe.name, dataclasses.replace(recipe, train_vae=(plan, plan)))
    assert train.main([recipe.name, "--stage", "vae", "--round", "2", "--out", str(tmp_path), "--device", "cpu"]) == 0
    before = load_file(weights_folder(recipe.name) / "vae.safetensors")
    after = load_file(tmp_path / recipe.name / "vae.safetensors")
    moved = {name: float((after[name].float() - before[name].float()).abs().max()) for name in before}
    assert {name.split(".")[0] for name, by in moved.items() if by} >= {"decoder", "encoder"}
    assert max(by for name, by in moved.items() if name != "scaling_factor") < 5e-3
    assert "vae-2" in json.loads((tmp_path / recipe.name / "training.json").read_text())


def test_the_steps_follow_the_pace_so_that_the_learning_rate_reaches_its_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock = [0.0]
    monkeypatch.setattr("antibench.zoo.training.session.time.monotonic", lambda: clock[0])
    plan = Training(steps=10, batch=1, learning_rate=1e-3, seed=1)
    session = Session(torch.nn.Linear(1, 1), plan, tmp_path / "state.pt", seconds=1e9, fit=100.0)
    session.total = 10_000  # until the pace is known
    while session.running():
        session.step += 1
        clock[0] += 0.1 if clock[0] < 40 else 0.2  # another program comes to the GPU
    assert clock[0] == pytest.approx(100, abs=1)
    assert session.step == session.total == pytest.approx(400 + 300, abs=5)
    assert session.optimizer.param_groups[0]["lr"] < 1e-5


def test_the_key_follows_world_model_number_and_vae(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    vae = tmp_path / "vae.safetensors"
    vae.write_bytes(b"one")
    recipe = RECIPES["cogvideox-small"]
    key = pool_key(recipe, 8, vae)
    assert pool_key(recipe, 9, vae) != key
    assert pool_key(RECIPES["dynamicrafter-small"], 8, vae) != key
    vae.write_bytes(b"two")
    assert pool_key(recipe, 8, vae) != key
    key = pool_key(recipe, 8, vae)
    monkeypatch.setattr(Portraits, "version", 1)  # whose heads turned twice as far
    assert pool_key(recipe, 8, vae) != key
