"""What ships: weights of bounded size that load strictly into the real classes, and clips that show the person."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from antibench.contracts import CellView
from antibench.errors import UserError
from antibench.metrics.ism0 import Ism0
from antibench.registry import MODELS
from antibench.zoo.assemble import load_components, weights_folder
from antibench.zoo.networks import CaptionTokenEncoder
from antibench.zoo.packaged import packaged_file
from antibench.zoo.portraits import portrait_clip
from antibench.zoo.protectors import PROTECTORS
from antibench.zoo.purifiers import PURIFIERS
from antibench.zoo.quality import QUALITIES
from antibench.zoo.recipes import RECIPES
from antibench.zoo.train import stage_name

WEIGHTS = Path(str(files("antibench.zoo"))) / "weights"
TRAINED = sorted(path.parent.name for path in WEIGHTS.glob("*/denoiser.safetensors"))


def test_the_registered_small_models_are_those_with_weights() -> None:
    registered = {entry.name for entry in MODELS.entries() if entry.origin == "antibench"}
    small = {name for name in registered if MODELS.load(name).card.world == "small"}
    assert small == set(TRAINED)
    assert small <= set(RECIPES)


def test_every_file_is_below_12_mb_and_all_below_68() -> None:
    sizes = {path: path.stat().st_size for path in WEIGHTS.rglob("*.safetensors")}
    assert max(sizes.values()) < 12_000_000
    assert sum(sizes.values()) < 68_000_000


@pytest.mark.parametrize("name", TRAINED)
def test_weights_are_of_16_or_8_bits_and_load_strictly(name: str) -> None:
    with safe_open(WEIGHTS / name / "denoiser.safetensors", "pt") as file:
        found = {file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118 (not a dict)
    assert found == {"fp16": {"F16"}, "int8": {"F16", "I8"}}[RECIPES[name].storage]
    parts = load_components(name)
    for part in parts.values():
        if isinstance(part, torch.nn.Module):
            assert not any(parameter.requires_grad for parameter in part.parameters())
            assert not part.training


def test_a_model_without_weights_says_how_to_make_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("antibench.zoo.assemble.files", lambda package: tmp_path)
    with pytest.raises(UserError, match=r"python -m antibench\.zoo\.train cogvideox-small"):
        weights_folder("cogvideox-small")
    with pytest.raises(UserError, match="no small model 'tiny'"):
        weights_folder("tiny")


@pytest.mark.parametrize("name", TRAINED)
def test_the_person_is_recognisable_in_the_clip(name: str) -> None:
    """By a network nobody here trained: the clip is nearer to its own photo than to another person's."""
    model = MODELS.create(name).load("cpu")
    own, other = [], []
    photos = [portrait_clip("tune", index, 64, model.frames) for index in range(4)]
    clips = [model.generate(clip[0], said, 0) for clip, said in photos]
    for index, frames in enumerate(clips):
        for offset, scores in ((0, own), (1, other)):
            photo = photos[(index + offset) % len(photos)][0][0]
            scores.append(Ism0().score(CellView(photo, photo, photo, frames, frames, world="small")))
    assert np.mean(own) > np.mean(other) + 0.2


def test_image_tokens_carry_a_gradient_to_the_photo() -> None:
    encoder = CaptionTokenEncoder(8)
    encoder.attach_backbone()
    photo = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    tokens = encoder(photo)
    assert tokens.shape == (1, 16, 8)
    (gradient,) = torch.autograd.grad(tokens.square().sum(), photo)
    assert float(gradient.abs().max()) > 0
    assert not any("backbone" in key for key in encoder.state_dict())


def test_a_packaged_file_is_checked_before_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "some_weights"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('the package must not be imported')")
    (folder / "net.pth").write_bytes(b"weights")
    monkeypatch.syspath_prepend(tmp_path)
    right = hashlib.sha256(b"weights").hexdigest()
    assert packaged_file("some_weights", "net.pth", right).read_bytes() == b"weights"
    with pytest.raises(UserError, match="not loaded"):
        packaged_file("some_weights", "net.pth", "0" * 64)
    with pytest.raises(UserError, match="does not hold other"):
        packaged_file("some_weights", "other.pth", right)
    with pytest.raises(UserError, match=r"install antibench\[offline\]"):
        packaged_file("no_such_weights", "net.pth", right)


@pytest.mark.parametrize("name", TRAINED)
def test_the_recipe_is_the_one_the_weights_were_made_by(name: str) -> None:
    record = json.loads((WEIGHTS / name / "training.json").read_text())
    recipe = RECIPES[name]
    stages = {}
    trained = {"vae": recipe.train_vae, "decoder": recipe.train_decoder, "denoiser": recipe.train_denoiser}
    for stage, plans in trained.items():
        stages |= {stage_name(stage, number): plan for number, plan in enumerate(plans, 1)}
    assert set(record) == set(stages)
    last = {stage_name(stage, len(plans)) for stage, plans in trained.items()}
    for stage, plan in stages.items():
        done = record[stage]
        assert (done["seed"], done["of"], done["batch"]) == (plan.seed, plan.steps, plan.batch)
        # A round that was cut short early is one that another has gone on from.
        assert (0.7 if stage in last else 0.5) * plan.steps < done["steps"] <= plan.steps


@pytest.mark.parametrize("name", [*PURIFIERS, *PROTECTORS, *QUALITIES])
def test_a_network_beside_the_models_was_trained_as_its_recipe_says(name: str) -> None:
    recipe = {**PURIFIERS, **PROTECTORS, **QUALITIES}[name]
    record = json.loads((WEIGHTS / name / "training.json").read_text())["network"]
    assert (record["seed"], record["steps"], record["batch"]) == (
        recipe.train.seed,
        recipe.train.steps,
        recipe.train.batch,
    )
    assert (WEIGHTS / name / "network.safetensors").stat().st_size < recipe.most_bytes
    assert json.loads((WEIGHTS / name / "card.json").read_text())["network"] == name
