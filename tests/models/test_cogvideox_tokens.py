"""CogVideoX with image tokens: it predicts what its sampler predicts, and the photo has two ways in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from antibench.contracts import Encoded
from antibench.models.cogvideox_tokens import CogVideoXTokens
from antibench.models.specs import CogVideoXTokensSmall
from antibench.pixels import to_float
from antibench.testing.tiny_cogvideox import SERIES_1_5
from antibench.testing.tiny_cogvideox_tokens import TinyCogVideoXTokens
from antibench.zoo import assemble
from antibench.zoo.networks import CaptionTokenEncoder
from antibench.zoo.recipes import RECIPES

PROMPT = "smile"
SHAPE = (1, 3, 4, 4, 4)
TEXT = 4
"""Vectors of the caption, in front of the image tokens."""
SPECS = {
    "guided": TinyCogVideoXTokens(settings={"guidance_scale": 7.0}),
    "series-1.5": TinyCogVideoXTokens(transformer=SERIES_1_5),
    "unguided": TinyCogVideoXTokens(settings={"guidance_scale": 1.0}),
    "tokens-only": TinyCogVideoXTokens(settings={"guidance_scale": 7.0}, caption_guided=False),
}


def load(name: str = "guided") -> CogVideoXTokens:
    """The pipeline samples the posterior of the photo; with no variance that is its mean, which the adapter takes."""
    model = SPECS[name].load("cpu")
    with torch.no_grad():
        model.pipe.vae.encoder.conv_out.conv.weight[4:] = 0
        model.pipe.vae.encoder.conv_out.conv.bias[4:] = -60
    return model


@pytest.fixture(scope="module")
def model() -> CogVideoXTokens:
    return load()


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (16, 16, 3), dtype=np.uint8)


@pytest.fixture
def other_photo() -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, (16, 16, 3), dtype=np.uint8)


def gaussian(seed: int, shape: tuple[int, ...] = SHAPE) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def watched(model: CogVideoXTokens, act: Any) -> list[tuple[dict[str, Any], torch.Tensor]]:
    """What goes in and out of the transformer while `act` runs."""
    seen: list[tuple[dict[str, Any], torch.Tensor]] = []
    handle = model.pipe.transformer.register_forward_hook(
        lambda module, args, asked, out: seen.append((asked, out[0])), with_kwargs=True
    )
    act()
    handle.remove()
    return seen


@pytest.mark.parametrize("name", list(SPECS))
def test_one_guided_pass_is_the_step_of_the_sampler(
    name: str, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The noised latents of a step can be written as any clip and the noise that is then left."""
    model = load(name)
    scheduler = model.pipe.scheduler
    step, seen = scheduler.step, []

    def watch(output: torch.Tensor, timestep: torch.Tensor, sample: torch.Tensor, **rest: Any) -> Any:
        seen.append((sample.clone(), int(timestep), output.clone()))
        return step(output, timestep, sample, **rest)

    monkeypatch.setattr(scheduler, "step", watch)
    model.generate(photo, PROMPT, 5)
    assert len(seen) == 2
    # The first step starts from nothing but noise, in which no clip can be written.
    noised, timestep, expected = seen[1]
    clip, image = gaussian(0, noised.shape), to_float(photo)
    alpha = scheduler.alphas_cumprod[timestep]
    options = {
        "clip_latents": clip,
        "t": (timestep + 0.5) / 1000,
        "noise": (noised - alpha.sqrt() * clip) / (1 - alpha).sqrt(),
    }
    found = model.denoise(image, PROMPT, guided=True, **options).prediction
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
    # Unguided, a caption moves the tiny transformer little.
    for changed, least in (
        (model.denoise(image, "nod", guided=True, **options), 0.005 if name != "tokens-only" else 5e-4),
        (model.denoise(1 - image, PROMPT, guided=True, **options), 0.005),
    ):
        assert (changed.prediction - expected).abs().max() > least
    for noised, timestep, expected in seen:
        encoded = model.encode(image)
        ours = model.predict(
            noised, timestep, encoded.latents, PROMPT, guided=name != "unguided", tokens=encoded.tokens
        )
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["guided", "series-1.5", "tokens-only"])
def test_the_sampler_shows_both_branches_what_they_are_for(name: str, photo: np.ndarray) -> None:
    model = load(name)
    encoded = model.encode(to_float(photo))
    assert encoded.tokens is not None
    grey = model.image_encoder(torch.full((1, 3, 16, 16), 0.5))
    captions = model.pipe.text_encoder([PROMPT if name == "tokens-only" else "", PROMPT])
    steps = watched(model, lambda: model.generate(photo, PROMPT, 5))
    assert len(steps) == 2
    for asked, _ in steps:
        context = asked["encoder_hidden_states"]
        torch.testing.assert_close(context[:, :TEXT], captions)
        torch.testing.assert_close(context[:, TEXT:], torch.cat([grey, encoded.tokens]))
        beside = asked["hidden_states"][:, :, 4:]
        torch.testing.assert_close(beside, encoded.latents.expand_as(beside), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("guided", [False, True])
def test_the_gradient_is_the_sum_of_both_ways(model: CogVideoXTokens, photo: np.ndarray, guided: bool) -> None:
    def gradient(*, by_latents: bool = True, by_tokens: bool = True) -> torch.Tensor:
        image = to_float(photo).requires_grad_()
        encoded = model.encode(image)
        assert encoded.tokens is not None
        if not by_latents:
            encoded = replace(encoded, latents=encoded.latents.detach())
        if not by_tokens:
            encoded = replace(encoded, tokens=encoded.tokens.detach())
        seen = model.denoise(
            image, PROMPT, clip_latents=gaussian(0), t=0.6, noise=gaussian(1), guided=guided, encoded=encoded
        )
        (found,) = torch.autograd.grad(seen.loss, image)
        return found

    whole, by_latents, by_tokens = gradient(), gradient(by_tokens=False), gradient(by_latents=False)
    assert by_latents.norm() > 1e-3 * whole.norm()
    assert by_tokens.norm() > 1e-3 * whole.norm()
    torch.testing.assert_close(by_latents + by_tokens, whole, rtol=1e-3, atol=1e-5 * float(whole.abs().max()))


def test_tokens_of_another_photo_change_the_clip(
    photo: np.ndarray, other_photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load()
    clip = model.generate(photo, PROMPT, 5)
    tokens = model.encode(to_float(other_photo)).tokens
    monkeypatch.setattr(model, "_image_tokens", lambda image: tokens)
    assert (clip != model.generate(photo, PROMPT, 5)).mean() > 0.01


def test_only_the_conditional_branch_sees_caption_and_tokens(
    model: CogVideoXTokens, photo: np.ndarray, other_photo: np.ndarray
) -> None:
    mine, other = model.encode(to_float(photo)), model.encode(to_float(other_photo))

    def branches(prompt: str, encoded: Encoded) -> torch.Tensor:
        options = {"clip_latents": gaussian(0), "t": 0.6, "noise": gaussian(1), "guided": True, "encoded": encoded}
        ((_, both),) = watched(model, lambda: model.denoise(to_float(photo), prompt, **options))
        return both

    unconditional, conditional = branches(PROMPT, mine)
    for prompt, encoded in ((PROMPT, replace(mine, tokens=other.tokens)), ("nod", mine)):
        same, moved = branches(prompt, encoded)
        torch.testing.assert_close(same, unconditional, rtol=1e-5, atol=1e-6)
        assert (moved - conditional).abs().max() > 1e-3
    by_latent, _ = branches(PROMPT, replace(mine, latents=other.latents))
    assert (by_latent - unconditional).abs().max() > 1e-3


def test_a_grey_photo_without_a_caption_is_the_null_condition(model: CogVideoXTokens) -> None:
    options = {"clip_latents": gaussian(0), "t": 0.6, "noise": gaussian(1)}
    grey = torch.full((1, 3, 16, 16), 0.5)
    plain = model.denoise(grey, "", **options).prediction
    torch.testing.assert_close(model.denoise(grey, "", guided=True, **options).prediction, plain, rtol=1e-4, atol=1e-4)


def test_trained_weights_are_loaded_and_their_tokens_are_the_encoders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = RECIPES["cogvideox-tokens-small"]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        denoiser, condition = assemble.build_denoiser(recipe), assemble.build_condition(recipe)
    assemble.save_denoiser(denoiser, condition, tmp_path)
    find = assemble.weights_folder
    monkeypatch.setattr(assemble, "weights_folder", lambda name: tmp_path if name == recipe.name else find(name))
    model = CogVideoXTokensSmall(steps=1).load("cpu")
    assert isinstance(model, CogVideoXTokens)
    assert (model.settings.guidance_scale, model.settings.negative_prompt) == (recipe.sampling["guidance"], "")
    assert isinstance(condition, CaptionTokenEncoder)
    condition.attach_backbone()
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    tokens = model.encode(image).tokens
    assert tokens is not None
    assert tokens.shape == (1, 16, 64)
    torch.testing.assert_close(tokens, condition(image), rtol=1e-2, atol=1e-2)  # kept in 16 bits
    assert model.pipe.text_encoder(["a person smiles"]).shape == (1, 12, 64)
