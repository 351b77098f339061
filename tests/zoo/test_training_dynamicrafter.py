"""Training of a small DynamiCrafter: its objective against a sampler of diffusers, and what it is and is not told."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler
from fixed_batch import losses_on
from torch import Tensor, nn

from antibench.zoo.assemble import build_condition, build_denoiser, save_denoiser
from antibench.zoo.networks import CaptionPhotoEncoder
from antibench.zoo.recipes import RECIPES, Recipe
from antibench.zoo.training.clips import Pool, clip_speed
from antibench.zoo.training.denoiser import Batch, Draws, Objective, encode_pool

RECIPE = RECIPES["dynamicrafter-small"]
CPU = torch.device("cpu")


class Says(nn.Module):
    """A denoiser that answers what it is told, and remembers what it was asked."""

    def __init__(self, answer: Tensor) -> None:
        super().__init__()
        self.answer = answer
        self.asked: tuple[Tensor, ...] = ()

    def forward(self, *asked: Tensor) -> Tensor:
        self.asked = asked
        return self.answer


def pool_of(clips: int) -> Batch:
    generator = torch.Generator().manual_seed(3)
    return {
        "latents": torch.randn(clips, 8, 32, 8, 8, generator=generator),
        "photo": torch.randn(clips, 1, 32, 8, 8, generator=generator),
        "tokens": torch.randn(clips, 16, 1280, generator=generator) + 5,
        "null_tokens": torch.full((1, 16, 1280), -5.0),
        "ids": torch.ones(clips, 12, dtype=torch.long),
        "fs": torch.arange(clips),
    }


def fresh(recipe: Recipe = RECIPE) -> Objective:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Objective(recipe, build_denoiser(recipe), build_condition(recipe))


def test_the_target_is_the_v_of_the_sampler() -> None:
    """Its zero-SNR schedule is written anew by diffusers; at the last step nothing but noise goes in."""
    scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", rescale_betas_zero_snr=True,
        prediction_type="v_prediction", timestep_spacing="trailing", clip_sample=False,
    )  # fmt: skip
    scheduler.set_timesteps(16)
    objective = fresh()
    for t in (scheduler.timesteps[0], scheduler.timesteps[7]):
        batch = objective.draw(pool_of(4), Draws(5, CPU), 2)
        batch["t"] = t.expand(2)
        alpha = scheduler.alphas_cumprod[t].float()
        noisy = alpha.sqrt() * batch["z"] + (1 - alpha).sqrt() * batch["noise"]
        v = alpha.sqrt() * batch["noise"] - (1 - alpha).sqrt() * batch["z"]
        found = scheduler.step(v, t, noisy).pred_original_sample
        torch.testing.assert_close(found, batch["z"], atol=1e-4, rtol=1e-4)
        says = Says(v.transpose(1, 2))
        objective.denoiser = says
        assert float(objective(batch)) < 1e-9
        torch.testing.assert_close(objective.clean(batch), batch["z"], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(says.asked[0][:, :32], noisy.transpose(1, 2), atol=1e-5, rtol=1e-5)
        objective.denoiser = Says(v.transpose(1, 2) + 0.1)
        assert float(objective(batch)) == pytest.approx(0.01, rel=1e-3)


def test_the_denoiser_is_asked_with_photo_caption_tokens_and_speed() -> None:
    objective = fresh()
    batch = objective.draw(pool_of(4), Draws(5, CPU), 2)
    says = Says(torch.zeros(2, 32, 8, 8, 8))
    objective.denoiser = says
    objective(batch)
    x, t, context, fs = says.asked
    assert all(torch.equal(x[:, 32:, frame], batch["photo"]) for frame in range(8))
    assert torch.equal(t, batch["t"])
    assert torch.equal(fs, batch["fs"])
    condition = objective.condition
    assert isinstance(condition, CaptionPhotoEncoder)
    assert context.shape == (2, 12 + 32, 96)
    assert torch.equal(context[:, :12], condition.captions.embed(batch["ids"]))
    assert torch.equal(context[:, 12:], condition.project(batch["tokens"]))


def test_text_and_tokens_go_together_and_the_latent_apart() -> None:
    batch = fresh().draw(pool_of(64), Draws(5, CPU), 4000)
    drop = RECIPE.drop
    no_text = batch["ids"].sum(1) == 0
    no_tokens = (batch["tokens"] == -5).all((1, 2))
    assert torch.equal(no_text, no_tokens)
    no_latent = batch["photo"].abs().sum((1, 2, 3)) == 0
    noised = batch["photo"].std((1, 2, 3)) > 1.03
    assert float(no_text.float().mean()) == pytest.approx(drop["both"], abs=0.02)
    assert float(no_latent.float().mean()) == pytest.approx(drop["latent"], abs=0.03)
    assert float(noised.float().mean()) == pytest.approx(drop["noised_latent"], abs=0.04)
    assert float((no_text & no_latent).float().mean()) == pytest.approx(drop["both"] * drop["latent"], abs=0.015)


def test_speed_counts_motion_in_steps_of_eight_buckets() -> None:
    clip = torch.full((1, 4, 3, 8, 8), 100, dtype=torch.uint8)
    clip[:, 1::2] += 3  # three levels a frame: bucket 75
    wild = torch.randint(0, 256, (1, 4, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert [int(clip_speed(frames)) for frames in (clip[:, :1].expand_as(clip), clip, wild)] == [0, 9, 32]


def test_a_pool_is_encoded_as_the_adapter_encodes() -> None:
    """Latents of clip and photo share one scale; the null tokens are those of mid-grey."""
    from antibench.zoo.assemble import load_vae, weights_folder

    vae = load_vae(RECIPE, weights_folder(RECIPE.name)).eval().requires_grad_(False)
    condition = build_condition(RECIPE)
    assert isinstance(condition, CaptionPhotoEncoder)
    condition.attach_backbone()
    frames = torch.randint(0, 256, (3, 8, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    data = encode_pool(RECIPE, vae, condition, Pool(frames, torch.zeros(3, 3, dtype=torch.long)))
    assert data["photo"].shape == (3, 1, 32, 8, 8)
    tokens = condition.raw(frames[:, 0].float() / 255)
    torch.testing.assert_close(data["tokens"].float(), tokens, rtol=2e-3, atol=2e-3)
    torch.testing.assert_close(data["photo"][:, 0], data["latents"][:, 0], rtol=0, atol=2e-2)
    mean = vae.encode(frames[1:2, 0].float() / 127.5 - 1).latent_dist.mean * vae.config.scaling_factor
    torch.testing.assert_close(data["photo"][1].float(), mean, rtol=2e-3, atol=2e-3)
    grey = condition.raw(torch.full((1, 3, 64, 64), 0.5))
    torch.testing.assert_close(data["null_tokens"].float(), grey, rtol=2e-3, atol=2e-3)


def test_the_file_is_below_11_5_mb(tmp_path: Path) -> None:
    objective = fresh()
    save_denoiser(objective.denoiser, objective.condition, tmp_path)
    assert (tmp_path / "denoiser.safetensors").stat().st_size < 11_500_000


def test_a_few_steps_lower_the_loss_on_a_fixed_batch(tmp_path: Path) -> None:
    objective = fresh()
    losses = losses_on(objective, objective.draw(pool_of(2), Draws(5, CPU), 2), tmp_path)
    assert losses[-1] < 0.9 * losses[0]


def test_the_objective_compiles_into_one_graph() -> None:
    small = dataclasses.replace(RECIPE, denoiser={**RECIPE.denoiser, "model_channels": 32})
    objective = fresh(small)
    generator = torch.Generator().manual_seed(0)
    for parameter in objective.parameters():  # a fresh network answers zero
        nn.init.normal_(parameter, std=0.05, generator=generator)
    objective.prepare(CPU)
    batch = objective.draw(pool_of(2), Draws(5, CPU), 2)
    compiled = torch.compile(objective, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(batch), objective(batch))
