"""The training command on a toy Open-Sora, from fresh weights to a clip of the adapter; nothing is shipped for it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from antibench.models.opensora.adapter import OpenSora
from antibench.models.opensora.specs import OpenSoraSmall
from antibench.models.opensora.vae import OpenSoraVAE
from antibench.zoo import assemble, train
from antibench.zoo.recipes import RECIPES, Training
from antibench.zoo.training.autoencoders import QUIET, encode_clips, normalise, posterior, quieten
from antibench.zoo.training.clips import Pool

NAME = "opensora-small"
PLAN = Training(steps=2, batch=1, learning_rate=1e-3, seed=1)
WHOLE = RECIPES[NAME]
TOY = replace(
    WHOLE,
    vae={
        **WHOLE.vae,
        "spatial_vae": {**WHOLE.vae["spatial_vae"], "block_out_channels": (16, 16, 16)},
        "temporal_vae": {**WHOLE.vae["temporal_vae"], "filters": 16},
    },
    denoiser={**WHOLE.denoiser, "depth": 1, "hidden_size": 64, "num_heads": 2},
    train_vae=(replace(PLAN, steps=4),),
    train_denoiser=(PLAN, PLAN),
    train_decoder=(replace(PLAN, adversarial=0.5, denoised_by=NAME),),
)


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Narrow networks, and two clips of noise instead of portraits."""
    monkeypatch.setitem(RECIPES, NAME, TOY)

    def few(*args: object) -> Pool:
        pixels = torch.randint(0, 256, (2, 8, 3, 64, 64), generator=torch.Generator().manual_seed(0))
        return Pool(pixels.byte(), torch.zeros(2, 3, dtype=torch.long))

    monkeypatch.setattr(train, "render_pool", few)


def run(out: Path, stage: str, *more: str) -> int:
    return train.main([NAME, "--stage", stage, "--out", str(out), "--device", "cpu", *more])


def test_it_is_trained_saved_loaded_and_animates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / NAME
    assert run(tmp_path, "vae") == 0
    saved = load_file(folder / "vae.safetensors")
    assert {value.dtype for value in saved.values()} == {torch.int8, torch.float16}
    assert "scaling_factor" not in saved
    # The posterior started with little noise, and four steps of 1e-3 cannot have moved it far.
    assert saved["temporal_vae.quant_conv.conv.bias"][16:].float() == pytest.approx(np.full(16, QUIET), abs=0.01)
    assert run(tmp_path, "denoiser", "--round", "1", "--cache", str(tmp_path / "pool.safetensors")) == 0
    pool = load_file(tmp_path / "pool.safetensors")
    assert pool["latents"].shape == (2, 8, 16, 16, 16)
    assert float(pool["latents"].float().std()) == pytest.approx(1, abs=0.1)
    assert run(tmp_path, "denoiser", "--round", "2") == 0
    assert run(tmp_path, "decoder") == 0
    record = json.loads((folder / "training.json").read_text())
    assert list(record) == ["vae", "denoiser", "denoiser-2", "decoder"]
    assert record["vae"]["scaling_factor"] == pytest.approx(1, abs=0.02)

    monkeypatch.setattr(assemble, "weights_folder", lambda name: folder)
    model = OpenSoraSmall(steps=2).load("cpu")
    assert isinstance(model, OpenSora)
    photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    clip = model.generate(photo, "a person turns left and smiles and blinks", 0)
    assert clip.shape == (8, 64, 64, 3)
    assert clip.dtype == np.uint8


def test_the_decoder_is_trained_further_and_no_latent_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, NAME, replace(TOY, train_decoder=(replace(PLAN, adversarial=0.5),)))
    assert run(tmp_path, "vae") == 0
    before = load_file(tmp_path / NAME / "vae.safetensors")
    assert run(tmp_path, "decoder") == 0
    after = load_file(tmp_path / NAME / "vae.safetensors")
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert moved
    for name in moved:
        assert ".decoder." in name or "post_quant_conv" in name


def test_a_fresh_posterior_is_given_little_noise_and_the_same_means() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        vae = assemble.build_vae(TOY).eval()
    assert isinstance(vae, OpenSoraVAE)
    clips = torch.rand(2, 8, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        mean, logvar = posterior(vae, clips)
        quieten(vae)
        after, quiet = posterior(vae, clips)
    assert torch.equal(after, mean)
    assert float(logvar.mean()) == pytest.approx(0, abs=0.5)
    assert float(quiet.mean()) == pytest.approx(QUIET, abs=0.5)


def test_latents_are_normalised_channel_by_channel() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        vae = assemble.build_vae(TOY).eval()
    assert isinstance(vae, OpenSoraVAE)
    clips = torch.rand(4, 8, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for _ in range(2):  # a second time changes nothing
        normalise(vae, clips)
        latents = encode_clips(vae, clips)
        assert float(latents.mean((0, 1, 3, 4)).abs().max()) < 1e-3
        torch.testing.assert_close(latents.std((0, 1, 3, 4)), torch.ones(16), rtol=0, atol=2e-2)
    torch.testing.assert_close(vae.encode(clips.transpose(1, 2)).transpose(1, 2), latents)
