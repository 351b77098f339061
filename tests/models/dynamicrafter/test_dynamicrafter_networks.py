"""The networks together: names of the published checkpoints, loading, and both ways a picture takes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from dynamicrafter_tiny import NETWORKS, randomised
from safetensors.torch import save_file

from antibench.errors import UserError
from antibench.models.dynamicrafter.checkpoint import load_networks
from antibench.models.dynamicrafter.conditioning import beside
from antibench.models.dynamicrafter.networks import DynamiCrafterNetworks
from antibench.models.dynamicrafter.presets import PRESETS

GOLDEN = Path(__file__).with_name("golden")


@pytest.fixture(scope="module")
def networks() -> DynamiCrafterNetworks:
    return randomised(DynamiCrafterNetworks(NETWORKS)).requires_grad_(False)


@pytest.mark.parametrize("name", PRESETS)
def test_names_shapes_and_types_are_those_of_the_published_checkpoint(name: str) -> None:
    recorded = json.loads((GOLDEN / "checkpoints.json").read_text("utf-8"))[name]
    with torch.device("meta"):
        state = DynamiCrafterNetworks(PRESETS[name].config).state_dict()
    lines = (f"{key} {list(v.shape)} {str(v.dtype).removeprefix('torch.')}" for key, v in sorted(state.items()))
    assert len(state) == recorded["names"]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == recorded["sha256"]


def test_a_prediction_has_gradient_along_each_way_of_the_picture(networks: DynamiCrafterNetworks) -> None:
    pixels = torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1
    noised = torch.randn(1, 4, 3, 4, 6, generator=torch.Generator().manual_seed(1))
    gradients = []
    for by_latent, by_tokens in ((True, False), (False, True)):
        picture = pixels.clone().requires_grad_()
        latent = networks.image_latent(picture if by_latent else pixels)
        image = networks.image_tokens(picture if by_tokens else pixels)
        context = torch.cat([networks.text_tokens(["a cat"]), image], dim=1)
        prediction = networks.unet(beside(noised, latent), torch.tensor([500]), context, torch.tensor([24]))
        prediction.square().mean().backward()
        assert picture.grad is not None
        assert picture.grad.abs().max() > 0
        gradients.append(picture.grad)
    assert not torch.allclose(*gradients)


def test_a_posterior_sample_is_the_mean_plus_deviation_times_noise(networks: DynamiCrafterNetworks) -> None:
    pixels = torch.rand(1, 3, 16, 24) * 2 - 1
    mean = networks.image_latent(pixels)
    sample = networks.image_latent(pixels, torch.Generator().manual_seed(5))
    noise = torch.randn(1, 4, 4, 6, generator=torch.Generator().manual_seed(5))
    deviation = networks.first_stage_model.encode(pixels).std * 0.18215
    torch.testing.assert_close(sample - mean, deviation * noise, rtol=1e-3, atol=1e-5)
    assert networks.decode(mean[:, :, None].expand(-1, -1, 3, -1, -1)).shape == (1, 3, 3, 16, 24)


@pytest.mark.parametrize("form", ["safetensors", "state_dict", "deepspeed", "plain"])
def test_every_form_of_checkpoint_gives_the_same_networks(
    networks: DynamiCrafterNetworks, tmp_path: Path, form: str
) -> None:
    state = {name: value.contiguous() for name, value in networks.state_dict().items()}
    if form == "safetensors":
        path = tmp_path / "model.safetensors"
        save_file(state, path)
    else:
        path = tmp_path / "model.ckpt"
        old = {name.replace("fps_embedding", "framestride_embed"): value for name, value in state.items()}
        prefixed = {f"_forward_module.{name}": value for name, value in old.items()}
        forms = {"state_dict": {"state_dict": old, "epoch": 3}, "deepspeed": {"module": prefixed}, "plain": state}
        torch.save(forms[form], path)
    loaded = load_networks(path, NETWORKS)
    assert all(torch.equal(value, state[name]) for name, value in loaded.state_dict().items())
    assert torch.equal(loaded.text_tokens(["a cat"]), networks.text_tokens(["a cat"]))
    assert torch.equal(loaded.schedule.alphas_cumprod, networks.alphas_cumprod)
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_another_type_leaves_the_schedule_alone(networks: DynamiCrafterNetworks, tmp_path: Path) -> None:
    save_file({n: v.contiguous() for n, v in networks.state_dict().items()}, tmp_path / "model.safetensors")
    loaded = load_networks(tmp_path / "model.safetensors", NETWORKS, torch.bfloat16)
    assert loaded.unet.out[2].weight.dtype == torch.bfloat16
    assert loaded.schedule.alphas_cumprod.dtype == torch.float32


def test_a_checkpoint_of_another_model_is_refused_by_name(networks: DynamiCrafterNetworks, tmp_path: Path) -> None:
    state = dict(networks.state_dict())
    state["image_proj_model.odd"] = state.pop("image_proj_model.latents")
    state["betas"] = state["betas"][:10]
    path = tmp_path / "model.ckpt"
    torch.save(state, path)
    with pytest.raises(UserError) as caught:
        load_networks(path, NETWORKS)
    message = str(caught.value)
    assert "\n" not in message
    assert "1 missing: image_proj_model.latents" in message
    assert "1 unexpected: image_proj_model.odd" in message
    assert "1 of another shape: betas (10,), not (1000,)" in message


@pytest.mark.parametrize("name", ["model.ckpt", "model.safetensors"])
def test_a_truncated_or_missing_file_is_told(networks: DynamiCrafterNetworks, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(UserError, match="no such file"):
        load_networks(path, NETWORKS)
    state = {n: v.contiguous() for n, v in networks.state_dict().items()}
    if path.suffix == ".ckpt":
        torch.save(state, path)
    else:
        save_file(state, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match="not a whole checkpoint"):
        load_networks(path, NETWORKS)


def test_a_file_without_weights_is_told(tmp_path: Path) -> None:
    torch.save({"state_dict": [1, 2]}, tmp_path / "model.ckpt")
    with pytest.raises(UserError, match="holds no weights"):
        load_networks(tmp_path / "model.ckpt", NETWORKS)
