"""Settings of how the real models compute change time and memory, and gradients by no more than rounding."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl_cogvideox import CogVideoXSpatialNorm3D
from torch import nn

from antibench.attacks.anti_i2v import AntiI2V
from antibench.errors import UserError
from antibench.models import float8
from antibench.models.arranged import first, tanh_gelu
from antibench.models.computing import Computing
from antibench.models.float8 import Float8Linear
from antibench.models.single_frame import fold_single_frames
from antibench.models.specs import CogVideoX5BI2V
from antibench.testing.protection_contract import sample_context
from antibench.testing.tiny_cogvideox import TinyCogVideoX, tiny_vae

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
from full_size import MODELS, Order, build

SETTINGS: dict[str, dict[str, Any]] = {
    "half of the blocks": {"recompute": 0.5},
    "all blocks": {},
    "low memory": {"low_memory": True},
    "cudnn attention": {"recompute": 0.0, "attention": "cudnn"},
}


@functools.cache
def built(name: str, **computing: Any) -> Any:
    """Tiny networks of the real classes, put together as the loaders do it; the same weights each time."""
    return build(Order(name, MODELS[name][2], "cpu", computing, tiny=True))


def gradient(model: Any, *, guided: bool = True) -> torch.Tensor:
    """Of the loss and of the features of two layers to the photo, at one draw."""
    photo = torch.rand((1, 3, *model.size), generator=torch.Generator().manual_seed(0)).requires_grad_()
    shape = model.encode_clip(np.zeros((model.frames, *model.size, 3), np.uint8)).shape
    clip, noise = (torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    encoded = model.encode(photo, capture=model.vae_layers)
    seen = model.denoise(
        photo,
        "a smile",
        clip_latents=clip,
        t=0.5,
        noise=noise,
        guided=guided,
        capture=(model.layers[1], model.layers[-1]),
        encoded=encoded,
    )
    features = [*seen.features.values(), *encoded.features.values()]
    loss = seen.loss + sum(feature.square().mean() for feature in features)
    loss = loss + model.decode_image(encoded.latents).square().mean()
    (found,) = torch.autograd.grad(loss, photo)
    return found


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("computing", SETTINGS.values(), ids=SETTINGS.keys())
def test_a_setting_keeps_the_gradient(name: str, computing: dict[str, Any]) -> None:
    plain, other = gradient(built(name, recompute=0.0)), gradient(built(name, **computing))
    assert plain.any()
    torch.testing.assert_close(other, plain, rtol=1e-3, atol=1e-5 * float(plain.abs().max()))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the compiler about this machine
@pytest.mark.parametrize("recompute", [0.0, 1.0])
def test_compiled_blocks_keep_the_gradient(recompute: float) -> None:
    name = "cogvideox-5b-i2v"
    plain = gradient(built(name, recompute=0.0), guided=False)
    compiled = gradient(built(name, recompute=recompute, compiled=True), guided=False)
    torch.testing.assert_close(compiled, plain, rtol=1e-3, atol=1e-4 * float(plain.abs().max()))


@pytest.mark.parametrize("name", MODELS)
def test_fewer_blocks_run_again_with_a_smaller_share(name: str) -> None:
    runs: list[int] = []
    for share in (0.0, 0.5, 1.0):
        model = built(name, recompute=share)
        seen: list[int] = []
        handles = [part.register_forward_pre_hook(lambda *_, seen=seen: seen.append(1)) for part in parts(model)]
        gradient(model)
        for handle in handles:
            handle.remove()
        runs.append(len(seen))
    assert runs[0] < runs[1] < runs[2]


def parts(model: Any) -> list[nn.Module]:
    """Every linear layer of the denoiser."""
    networks = getattr(model, "networks", None)
    if networks is None:
        denoiser = model.pipe.transformer
    else:
        denoiser = networks.denoiser if hasattr(networks, "denoiser") else networks.unet
    return [part for part in denoiser.modules() if isinstance(part, nn.Linear)]


@pytest.mark.parametrize("name", MODELS)
def test_a_protection_gives_no_weight_a_gradient_and_encodes_its_caption_once(name: str) -> None:
    model = built(name, recompute=0.0)
    texts: list[int] = []
    text = model.pipe.text_encoder.network if hasattr(model, "pipe") else encoder_of(model.networks)
    handle = text.register_forward_hook(lambda *_: texts.append(1))
    context = sample_context(model)
    photo = torch.rand((1, 3, *model.size), generator=torch.Generator().manual_seed(0))
    caption = f"{name} says cheese"
    object.__setattr__(context, "caption", caption)
    AntiI2V(steps=3).perturb(photo, context)
    handle.remove()
    # With guidance and, for the anchor, without; CogVideoX encodes the negative prompt beside the caption.
    assert len(texts) <= 3
    weights = [part for module in modules(model) for part in module.parameters()]
    assert weights
    assert all(weight.grad is None and not weight.requires_grad for weight in weights)


def encoder_of(networks: Any) -> nn.Module:
    """Open-Sora's text encoder, or DynamiCrafter's."""
    return networks.text_encoder if hasattr(networks, "text_encoder") else networks.cond_stage_model


def modules(model: Any) -> list[nn.Module]:
    """All networks of a model."""
    if hasattr(model, "networks"):
        return [model.networks]
    return [part for part in model.pipe.components.values() if isinstance(part, nn.Module)]


def test_clips_are_encoded_in_tiles_only_to_save_memory() -> None:
    for low_memory in (False, True):
        model = built("cogvideox-5b-i2v", low_memory=low_memory)
        vae, tiles = model.pipe.vae, []
        vae.tiled_encode = lambda x, whole=vae.tiled_encode, tiles=tiles: tiles.append(1) or whole(x)
        model.encode_clip(np.zeros((model.frames, *model.size, 3), np.uint8))
        assert bool(tiles) == low_memory
        tiles.clear()
        gradient(model)
        assert len(tiles) == low_memory  # the clip's, not the photo's
        del vae.tiled_encode


@pytest.mark.parametrize("frames", [1, 9])
def test_one_frame_goes_through_the_vae_as_one(frames: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        vae = tiny_vae({}).double().eval().requires_grad_(False)
        pixels = torch.rand(1, 3, frames, 16, 16, dtype=torch.float64)
    encoded = vae.encode(pixels).latent_dist.mode()
    decoded = vae.decode(encoded).sample
    fold_single_frames(vae)
    torch.testing.assert_close(vae.encode(pixels).latent_dist.mode(), encoded, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(vae.decode(encoded).sample, decoded, rtol=1e-5, atol=1e-6)


def test_the_decoder_scales_its_norms_before_it_enlarges() -> None:
    vae = tiny_vae({}).eval().requires_grad_(False)
    fold_single_frames(vae)
    sizes: set[tuple[int, ...]] = set()
    for part in vae.modules():
        if isinstance(part, CogVideoXSpatialNorm3D):
            part.conv_y.register_forward_pre_hook(lambda _, inputs: sizes.add(tuple(inputs[0].shape[-2:])))
    latents = torch.zeros(1, vae.config.latent_channels, 1, 3, 5)
    vae.decode(latents)
    assert sizes == {(3, 5)}
    vae.decode(latents.expand(-1, -1, 3, -1, -1))  # a clip goes as diffusers does it
    assert len(sizes) > 1


@pytest.mark.parametrize("name", MODELS)
def test_linear_layers_in_8_bits_keep_the_gradient_but_for_rounding(name: str) -> None:
    plain, other = gradient(built(name, recompute=0.0)), gradient(built(name, recompute=0.0, float8=True))
    assert any(
        isinstance(part, Float8Linear)
        for part in [part for module in modules(built(name, recompute=0.0, float8=True)) for part in module.modules()]
    )
    alike = torch.nn.functional.cosine_similarity(other.flatten(), plain.flatten(), dim=0)
    assert 0.95 < alike < 1 - 1e-6  # 8 bits, and not those of 32


def test_a_linear_layer_in_8_bits_is_itself_both_ways() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        linear = nn.Linear(64, 48).requires_grad_(False)
        rows, weights = torch.randn(2, 7, 64, requires_grad=True), torch.randn(2, 7, 48)
    with torch.no_grad():
        linear.weight[3] *= 1e-3  # scaled by rows, so that small ones keep their digits
        linear.weight[:, 5] *= 100
    eight = Float8Linear(linear)
    for found, wanted in (
        (eight(rows)[..., 3], linear(rows)[..., 3]),
        (eight(rows), linear(rows)),
        *zip(*(torch.autograd.grad((part(rows) * weights).sum(), rows) for part in (eight, linear)), strict=True),
    ):
        assert 1e-3 < (found - wanted).norm() / wanted.norm() < 0.05  # three digits after the point are 3% a number


def test_a_gpu_without_8_bit_products_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "an A100")
    with pytest.raises(UserError, match="float8 needs a GPU of compute capability"):
        float8._check(torch.device("cuda"))


def test_gelu_by_a_sigmoid_is_gelu_by_tanh() -> None:
    values = torch.linspace(-9, 9, 181, dtype=torch.float64, requires_grad=True)
    plain = torch.nn.functional.gelu(values, approximate="tanh")
    torch.testing.assert_close(tanh_gelu(values), plain, rtol=1e-12, atol=1e-12)
    gradients = [torch.autograd.grad(result.sum(), values)[0] for result in (tanh_gelu(values), plain)]
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)


def test_settings_that_no_model_can_follow_are_refused() -> None:
    with pytest.raises(ValueError, match="recompute must be a share"):
        CogVideoX5BI2V(recompute=1.5)
    with pytest.raises(ValueError, match="attention must be torch or cudnn"):
        CogVideoX5BI2V(attention="flash")  # type: ignore[arg-type]
    assert Computing(recompute=0.2, low_memory=True).recomputed == 1
    assert list(first([1, 2, 3], 0.4)) == [1, 2]


def test_a_small_model_encodes_a_caption_once_too() -> None:
    model = TinyCogVideoX().load("cpu")
    assert model._context("a", None, guided=True) is model._context("a", None, guided=True)
    assert not torch.equal(model._context("a", None, guided=True), model._context("b", None, guided=True))
