"""The small model from files of fresh weights, through the loader that will serve the trained ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from antibench.models.opensora.adapter import OpenSora
from antibench.models.opensora.specs import OpenSoraSmall, OpenSoraSmallHoldout
from antibench.pixels import to_float
from antibench.testing.model_contract import checks
from antibench.testing.tiny_opensora import redrawn
from antibench.zoo import assemble
from antibench.zoo.portraits import portrait_clip
from antibench.zoo.recipes import RECIPES


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fresh weights of both models."""
    root = tmp_path_factory.mktemp("opensora")
    for name in ("opensora-small", "opensora-small-holdout"):
        recipe, folder = RECIPES[name], root / name
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            denoiser, condition = redrawn(assemble.build_denoiser(recipe)), assemble.build_condition(recipe)
            vae = assemble.build_vae(recipe)
        assemble.save_denoiser(denoiser, condition, folder, storage=recipe.storage)
        if not recipe.vae_of:
            assemble.save_vae(vae, 1.0, folder, storage=recipe.storage)
    return root


@pytest.fixture(autouse=True)
def shipped(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assemble, "weights_folder", lambda name: weights / name)


@pytest.fixture
def model() -> OpenSora:
    loaded = OpenSoraSmall(steps=2).load("cpu")
    assert isinstance(loaded, OpenSora)
    return loaded


@pytest.mark.parametrize("spec", [OpenSoraSmall, OpenSoraSmallHoldout])
def test_it_keeps_the_contract(spec: type[OpenSoraSmall]) -> None:
    assert [check for check in checks(spec, steps=2) if not check.ok] == []


def test_it_animates_and_the_photo_is_the_first_latent_frame(model: OpenSora) -> None:
    (photo, *_), caption = portrait_clip("tune", 0, 64, 8)
    clip = model.generate(photo, caption, 0)
    assert clip.shape == (8, 64, 64, 3)
    assert clip.dtype == np.uint8
    latents = model.encode_clip(clip)
    assert latents.shape == (1, 16, 8, 16, 16)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
    image = to_float(photo).requires_grad_()
    seen = model.denoise(image, caption, clip_latents=latents, t=0.7, noise=noise, guided=True)
    (gradient,) = torch.autograd.grad(seen.loss, image)
    assert gradient.any()
    assert torch.equal(seen.clean[:, :, :1], model.encode(image).latents)


def test_its_parts_are_those_of_the_recipe(model: OpenSora) -> None:
    text = model.conditioning("a person smiles", guided=True)
    assert text.tokens.shape == (2, 1, 12, 64)
    assert torch.equal(text.tokens[1, 0], model.networks.denoiser.y_embedder.y_embedding)
    asked = model.networks.text_encoder.captions(["a person smiles"])
    assert torch.equal(text.tokens[0, 0], asked[0])  # no score is added to it
    assert model.layers[:2] == ("spatial_blocks.0", "temporal_blocks.0")
    assert len(model.layers) == 2 * RECIPES["opensora-small"].denoiser["depth"]
    assert not model.settings.sample_posterior
