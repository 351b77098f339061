"""The small model from a file of fresh weights, through the loader that will serve the trained ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from antibench.models.dynamicrafter.adapter import DynamiCrafter
from antibench.models.dynamicrafter.specs import DynamiCrafterSmall
from antibench.pixels import to_float
from antibench.testing.model_contract import checks
from antibench.zoo import assemble
from antibench.zoo.networks import BACKBONE_CHANNELS
from antibench.zoo.portraits import portrait_clip
from antibench.zoo.recipes import RECIPES

RECIPE = RECIPES["dynamicrafter-small"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fresh weights, with noise where they start at zero so that everything is switched on."""
    folder = tmp_path_factory.mktemp("dynamicrafter-small")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        denoiser, condition = assemble.build_denoiser(RECIPE), assemble.build_condition(RECIPE)
        for parameter in denoiser.parameters():
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.03)
    assemble.save_denoiser(denoiser, condition, folder)
    shutil.copy(assemble.weights_folder(RECIPE.name) / "vae.safetensors", folder)
    return folder


@pytest.fixture(autouse=True)
def shipped(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new weights beside the VAE that is shipped."""
    find = assemble.weights_folder
    monkeypatch.setattr(assemble, "weights_folder", lambda name: weights if name == RECIPE.name else find(name))


@pytest.fixture
def model() -> DynamiCrafter:
    loaded = DynamiCrafterSmall(steps=2).load("cpu")
    assert isinstance(loaded, DynamiCrafter)
    return loaded


def test_it_keeps_the_contract() -> None:
    assert [check for check in checks(DynamiCrafterSmall, steps=2) if not check.ok] == []


def test_it_animates_and_is_attacked_along_both_ways(model: DynamiCrafter, monkeypatch: pytest.MonkeyPatch) -> None:
    (photo, *_), caption = portrait_clip("tune", 0, 64, 8)
    clip = model.generate(photo, caption, 0)
    assert clip.shape == (8, 64, 64, 3)
    assert clip.dtype == np.uint8
    latents = model.encode_clip(clip)
    assert latents.shape == (1, 32, 8, 8, 8)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
    for cut in ("_tokens", "_latent"):
        way = getattr(model, cut)
        with monkeypatch.context() as patch:
            patch.setattr(model, cut, lambda *args, way=way: way(*args).detach())
            image = to_float(photo).requires_grad_()
            seen = model.denoise(image, caption, clip_latents=latents, t=0.7, noise=noise, guided=True)
            (gradient,) = torch.autograd.grad(seen.loss, image)
            assert gradient.any()


def test_its_parts_are_those_of_the_recipe(model: DynamiCrafter) -> None:
    encoded = model.encode(torch.full((1, 3, 64, 64), 0.5))
    assert encoded.tokens is not None
    assert encoded.tokens.shape == (1, 4 * 8, 96)
    assert encoded.latents.shape == (1, 32, 8, 8)
    told = model.conditioning(encoded.latents, encoded.tokens, "", guided=True)
    assert told.context.shape == (2, 12 + 32, 96)
    torch.testing.assert_close(told.context[0], told.context[1])  # a grey photo and no caption are the null condition
    assert model.layers[0] == "input_blocks.0"
    assert float(model._schedule.alphas_cumprod[-1]) == 0
    assert bool((model._schedule.scales == 1).all())


def test_the_vae_is_the_shipped_one_and_scales_its_latents(model: DynamiCrafter) -> None:
    (photo, *_), _ = portrait_clip("tune", 1, 64, 8)
    vae = assemble.load_vae(RECIPE, assemble.weights_folder(RECIPE.name)).eval()
    mean = vae.encode(to_float(photo) * 2 - 1).latent_dist.mean
    latents = model.encode(to_float(photo)).latents
    torch.testing.assert_close(latents, mean * vae.config.scaling_factor, rtol=1e-4, atol=1e-5)
    clip = mean[:, :, None].expand(-1, -1, 8, -1, -1) * vae.config.scaling_factor
    decoded = vae.decode(mean.expand(8, -1, -1, -1), num_frames=8).sample.clamp(-1, 1)
    ours = model.networks.decode(clip)[0].transpose(0, 1)
    torch.testing.assert_close(ours, decoded, rtol=1e-4, atol=1e-4)
    assert float((model.decode_image(latents) - to_float(photo)).abs().mean()) < 0.05


def test_the_projector_reads_the_backbones_own_tokens() -> None:
    assert RECIPE.projector["embedding_dim"] == BACKBONE_CHANNELS
    assert RECIPE.projector["num_queries"] == RECIPE.denoiser["image_tokens_per_frame"]
    assert RECIPE.projector["output_dim"] == RECIPE.denoiser["context_dim"]
