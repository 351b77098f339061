"""Training of a small Open-Sora: its objective against one written anew, and that the adapter tells it the same."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from fixed_batch import losses_on
from torch import Tensor, nn

from antibench.models import small
from antibench.models.opensora.adapter import OpenSora
from antibench.models.opensora.specs import OpenSoraSmall
from antibench.models.opensora.stdit3 import STDiT3
from antibench.testing.tiny_opensora import redrawn
from antibench.zoo.assemble import build_condition, build_denoiser, build_vae, save_denoiser, save_vae
from antibench.zoo.motion import caption
from antibench.zoo.networks import CaptionEncoder
from antibench.zoo.recipes import RECIPES, Recipe
from antibench.zoo.training.clips import Pool
from antibench.zoo.training.denoiser import Batch, Draws, Objective, encode_pool

WHOLE = RECIPES["opensora-small"]
RECIPE = replace(WHOLE, denoiser={**WHOLE.denoiser, "depth": 2, "hidden_size": 64, "num_heads": 2})
CPU = torch.device("cpu")


class Says(nn.Module):
    """A denoiser that answers what it is told, and remembers what it was asked."""

    def __init__(self, answer: Tensor, null: Tensor) -> None:
        super().__init__()
        self.answer = answer
        self.y_embedder = nn.Module()
        self.y_embedder.register_buffer("y_embedding", null)

    def forward(self, *asked: Tensor, **told: object) -> Tensor:
        self.asked, self.told = asked, told
        return self.answer


def pool_of(clips: int) -> Batch:
    generator = torch.Generator().manual_seed(3)
    return {
        "latents": torch.randn(clips, 8, 16, 16, 16, generator=generator),
        "photo": torch.randn(clips, 1, 16, 16, 16, generator=generator),
        "ids": torch.randint(1, 20, (clips, 12), generator=generator),
    }


def fresh(recipe: Recipe = RECIPE) -> Objective:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Objective(recipe, redrawn(build_denoiser(recipe)), build_condition(recipe))


def oracle(batch: Batch, off: float = 0.0) -> Says:
    """Answers the velocity; what it says of the photo's frame has no meaning."""
    velocity = (batch["z"] - batch["noise"]).transpose(1, 2) + off
    velocity[:, :, 0] = 1e3
    return Says(velocity, torch.full((12, 64), 9.0))


def test_the_target_is_the_velocity_and_the_clean_clip_follows_from_it() -> None:
    objective = fresh()
    batch = objective.draw(pool_of(4), Draws(5, CPU), 2)
    expected = torch.cat([batch["photo"][:, None], batch["z"][:, 1:]], 1)
    for t in (1000.0, 640.0, 3.0):
        batch["t"] = torch.full((2,), t)
        objective.denoiser = says = oracle(batch)
        assert float(objective(batch)) < 1e-9
        torch.testing.assert_close(objective.clean(batch), expected, atol=1e-5, rtol=1e-4)
        share = t / 1000
        noisy = (1 - share) * batch["z"] + share * batch["noise"]
        x = says.asked[0].transpose(1, 2)
        torch.testing.assert_close(x[:, 1:], noisy[:, 1:])
        assert torch.equal(x[:, 0], batch["photo"])
        objective.denoiser = oracle(batch, 0.1)
        assert float(objective(batch)) == pytest.approx(0.01, rel=1e-3)


def test_the_loss_is_the_one_written_anew() -> None:
    objective = fresh()
    denoiser, condition = objective.denoiser, objective.condition
    assert isinstance(denoiser, STDiT3)
    assert isinstance(condition, CaptionEncoder)
    batch = objective.draw(pool_of(4), Draws(5, CPU), 2)
    batch["told"] = torch.tensor([True, False])
    with torch.no_grad():
        found = float(objective(batch))
        errors = []
        for row in range(2):
            share = float(batch["t"][row]) / 1000
            clip, noise = batch["z"][row].transpose(0, 1), batch["noise"][row].transpose(0, 1)
            z = (1 - share) * clip + share * noise
            z[:, 0] = batch["photo"][row]
            text = condition.embed(batch["ids"][row : row + 1]) if row == 0 else denoiser.y_embedder.y_embedding[None]
            told = {"fps": 8.0, "height": 512.0, "width": 512.0}
            answer = denoiser(
                z[None],
                batch["t"][row : row + 1],
                text[:, None],
                torch.ones(1, 12),
                torch.tensor([[False] + [True] * 7]),
                **{name: torch.tensor([value]) for name, value in told.items()},
            )
            errors.append((answer[0, :, 1:] - (clip - noise)[:, 1:]).square().mean())
    assert found == pytest.approx(float(sum(errors)) / 2, rel=1e-4)


def test_noise_levels_are_logit_normal_and_moved_as_in_sampling() -> None:
    batch = fresh().draw(pool_of(4), Draws(5, CPU), 2000)
    share = (batch["t"] / 1000).double()
    assert 0 < float(share.min()) < float(share.max()) < 1
    # Moving by a ratio adds its logarithm to the logit; a clip of 8 frames counts as two latents of the real model.
    logit = (share / (1 - share)).log()
    assert float(logit.mean()) == pytest.approx(math.log(math.sqrt(2)), abs=0.08)
    assert float(logit.std()) == pytest.approx(1, abs=0.06)
    assert float(batch["told"].float().mean()) == pytest.approx(1 - WHOLE.drop["text"], abs=0.03)


def test_a_dropped_caption_is_the_null_text() -> None:
    objective = fresh()
    batch = objective.draw(pool_of(4), Draws(5, CPU), 2)
    batch["told"] = torch.tensor([False, True])
    objective.denoiser = says = oracle(batch)
    objective(batch)
    text = says.asked[2]
    assert text.shape == (2, 1, 12, 64)
    assert bool((text[0] == 9).all())
    condition = objective.condition
    assert isinstance(condition, CaptionEncoder)
    assert torch.equal(text[1, 0], condition.embed(batch["ids"])[1])


def test_a_few_steps_lower_the_loss_on_a_fixed_batch(tmp_path: Path) -> None:
    objective = fresh()
    losses = losses_on(objective, objective.draw(pool_of(2), Draws(5, CPU), 2), tmp_path)
    assert losses[-1] < 0.9 * losses[0]


def test_the_objective_compiles_into_one_graph() -> None:
    objective = fresh()
    batch = objective.draw(pool_of(2), Draws(5, CPU), 2)
    compiled = torch.compile(objective, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(batch), objective(batch))


def test_the_files_are_small(tmp_path: Path) -> None:
    bounds = {"opensora-small": 5_700_000, "opensora-small-holdout": 2_000_000}
    for name, bound in bounds.items():
        recipe = RECIPES[name]
        save_denoiser(build_denoiser(recipe), build_condition(recipe), tmp_path, storage=recipe.storage)
        assert (tmp_path / "denoiser.safetensors").stat().st_size < bound
    save_vae(build_vae(WHOLE), 1.0, tmp_path, storage=WHOLE.vae_storage)
    assert (tmp_path / "vae.safetensors").stat().st_size < 4_500_000


@pytest.mark.parametrize("told", [True, False])
def test_the_adapter_predicts_what_training_does(told: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one clip, from its pixels on; what training dropped is what the adapter's null branch reads."""
    objective = fresh()
    denoiser = objective.denoiser
    assert isinstance(denoiser, STDiT3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        vae = build_vae(RECIPE).eval().requires_grad_(False)
    parts = {"vae": vae, "denoiser": denoiser, "text_encoder": objective.condition, "scheduler": None}
    monkeypatch.setattr(small, "load_components", lambda name, device: parts)
    model = OpenSoraSmall().load("cpu")
    assert isinstance(model, OpenSora)
    action = (1, 1, 2)
    frames = torch.randint(0, 256, (1, 8, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    data = encode_pool(RECIPE, vae, objective.condition, Pool(frames, torch.tensor([action])))
    batch = objective.draw(data, Draws(5, CPU), 1)
    batch["t"], batch["told"] = torch.tensor([600.0]), torch.tensor([told])
    image = frames[:, 0].float() / 255
    clip = model.encode_clip(frames[0].permute(0, 2, 3, 1).numpy())
    options = {"clip_latents": clip, "t": 0.6, "noise": batch["noise"].transpose(1, 2)}
    prompt = caption(*action)
    if not told:
        conditioning = model.conditioning
        null = denoiser.y_embedder.y_embedding[None, None]
        monkeypatch.setattr(model, "conditioning", lambda *a, **o: conditioning(*a, **o)._replace(tokens=null))
    seen = model.denoise(image, prompt, **options)
    assert float(objective(batch)) == pytest.approx(float(seen.loss), rel=1e-2)  # the pool is kept in 16 bits
    torch.testing.assert_close(objective.clean(batch).transpose(1, 2), seen.clean, rtol=0, atol=2e-2)
    other = model.denoise(image, "a person tilts", **options)
    assert bool((other.prediction - seen.prediction).abs().max() > 1e-3) is told
