"""Training of a small CogVideoX with image tokens: what it is told, and that the adapter tells it the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from fixed_batch import losses_on
from torch import Tensor, nn

from antibench.contracts import Encoded
from antibench.models import small
from antibench.models.cogvideox_tokens import CogVideoXTokens
from antibench.models.specs import CogVideoXTokensSmall
from antibench.zoo.assemble import build_condition, build_denoiser, build_scheduler, load_vae, weights_folder
from antibench.zoo.motion import caption
from antibench.zoo.networks import CaptionTokenEncoder
from antibench.zoo.recipes import RECIPES, Recipe
from antibench.zoo.training.clips import Pool
from antibench.zoo.training.denoiser import Batch, Draws, Objective, encode_pool

RECIPE = RECIPES["cogvideox-tokens-small"]
WHOLE = {"both": 0.0, "tokens": 0.0, "latent": 0.0, "noised_latent": 0.0}
KEPT = replace(RECIPE, drop=WHOLE)
DROPPED = replace(RECIPE, drop={**WHOLE, "both": 1.0})
NO_TOKENS = replace(RECIPE, drop={**WHOLE, "tokens": 1.0})
CPU = torch.device("cpu")


class Says(nn.Module):
    """A denoiser that answers nothing, and remembers what it was asked."""

    def forward(self, x: Tensor, context: Tensor, t: Tensor, **rest: object) -> tuple[Tensor]:
        self.x, self.context = x, context
        return (torch.zeros_like(x[:, :, :16]),)


def pool_of(clips: int, seed: int = 3) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return {
        "latents": torch.randn(clips, 9, 16, 16, 16, generator=generator),
        "photo": torch.randn(clips, 1, 16, 16, 16, generator=generator),
        "tokens": torch.randn(clips, 16, 1280, generator=generator) + 5,
        "null_tokens": torch.full((1, 16, 1280), -5.0),
        "ids": torch.randint(1, 20, (clips, 12), generator=generator),
    }


def fresh(recipe: Recipe = RECIPE) -> Objective:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Objective(recipe, build_denoiser(recipe), build_condition(recipe))


def test_the_denoiser_is_asked_with_photo_caption_and_tokens() -> None:
    objective = fresh(KEPT)
    batch = objective.draw(pool_of(4), Draws(5, CPU), 2)
    says = Says()
    objective.denoiser = says
    objective(batch)
    assert all(torch.equal(says.x[:, frame, 16:], batch["photo"]) for frame in range(9))
    condition = objective.condition
    assert isinstance(condition, CaptionTokenEncoder)
    assert says.context.shape == (2, 12 + 16, 64)
    assert torch.equal(says.context[:, :12], condition.captions.embed(batch["ids"]))
    assert torch.equal(says.context[:, 12:], condition.project(batch["tokens"]))


def test_a_clip_is_told_tokens_and_latent_of_one_photo() -> None:
    data = pool_of(4)
    for clip in range(4):
        data["photo"][clip], data["tokens"][clip] = clip, clip
    batch = fresh(KEPT).draw(data, Draws(5, CPU), 400)
    photo, tokens = batch["photo"].flatten(1).mean(1), batch["tokens"].flatten(1).mean(1)
    assert torch.equal(photo, tokens)
    assert set(photo.tolist()) == {0, 1, 2, 3}


def test_tokens_go_with_the_text_or_alone_and_the_latent_apart() -> None:
    drop = {"both": 0.2, "tokens": 0.1, "latent": 0.3, "noised_latent": 0.0}
    batch = fresh(replace(RECIPE, drop=drop)).draw(pool_of(64), Draws(5, CPU), 4000)
    no_text = batch["ids"].sum(1) == 0
    no_tokens = (batch["tokens"] == -5).all((1, 2))
    no_latent = batch["photo"].abs().sum((1, 2, 3)) == 0
    assert not bool((no_text & ~no_tokens).any())  # a caption never goes alone
    for gone, share in ((no_text, 0.2), (no_tokens, 0.3), (no_latent, 0.3), (no_tokens & no_latent, 0.09)):
        assert float(gone.float().mean()) == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("told", ["ids", "tokens"])
def test_what_is_dropped_does_not_reach_the_loss(told: str) -> None:
    data = pool_of(4)
    other = {**data, told: pool_of(4, seed=8)[told]}
    assert not torch.equal(data[told], other[told])

    def losses(recipe: Recipe) -> tuple[float, float]:
        objective = fresh(recipe)
        with torch.no_grad():
            one, two = (float(objective(objective.draw(d, Draws(5, CPU), 2))) for d in (data, other))
        return one, two

    for recipe in (DROPPED, NO_TOKENS):
        one, two = losses(recipe)
        assert (one == two) is (recipe is DROPPED or told == "tokens")
    one, two = losses(KEPT)
    assert abs(one - two) > 1e-5


def test_a_few_steps_lower_the_loss_on_a_fixed_batch(tmp_path: Path) -> None:
    objective = fresh()
    losses = losses_on(objective, objective.draw(pool_of(2), Draws(5, CPU), 2), tmp_path)
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("recipe", [KEPT, DROPPED], ids=["kept", "dropped"])
def test_the_adapter_predicts_what_training_does(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one clip, from its pixels on; what training dropped is what the adapter's null branch reads."""
    objective = fresh(recipe)
    vae = load_vae(recipe, weights_folder(recipe.vae_name)).eval().requires_grad_(False)
    condition = objective.condition
    assert isinstance(condition, CaptionTokenEncoder)
    condition.attach_backbone()
    parts = {
        "vae": vae,
        "transformer": objective.denoiser,
        "encoder": condition,
        "scheduler": build_scheduler(recipe),
    }
    monkeypatch.setattr(small, "load_components", lambda name, device: parts)
    model = CogVideoXTokensSmall().load("cpu")
    assert isinstance(model, CogVideoXTokens)
    action = (1, 1, 2)
    frames = torch.randint(0, 256, (1, 9, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    data = encode_pool(recipe, vae, condition, Pool(frames, torch.tensor([action])))
    batch = objective.draw(data, Draws(5, CPU), 1)
    batch["t"] = torch.tensor([600])
    image = frames[:, 0].float() / 255
    encoded = model.encode(image)
    prompt = caption(*action)
    if recipe is DROPPED:
        encoded, prompt = Encoded(encoded.latents, {}, model._null_tokens), ""
    clip = model.encode_clip(frames[0].permute(0, 2, 3, 1).numpy())
    options = {"clip_latents": clip, "t": 0.6, "noise": batch["noise"]}
    seen = model.denoise(image, prompt, encoded=encoded, **options)
    predicted: list[Tensor] = []
    objective.denoiser.register_forward_hook(lambda module, args, out: predicted.append(out[0]))
    assert float(objective(batch)) == pytest.approx(float(seen.loss), rel=1e-3)
    torch.testing.assert_close(predicted[0], seen.prediction, rtol=0, atol=6e-4)  # the pool is kept in 16 bits
    others = (
        model.denoise(image, "a person tilts", encoded=encoded, **options),
        model.denoise(image, prompt, encoded=replace(encoded, tokens=model.encode(1 - image).tokens), **options),
        model.denoise(image, prompt, encoded=replace(encoded, latents=-encoded.latents), **options),
    )
    for other in others:
        assert (predicted[0] - other.prediction).abs().max() > 3e-3
