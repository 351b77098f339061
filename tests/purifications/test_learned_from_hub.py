"""The learned purifications with networks of the hub: tiny ones, saved by the classes that read the real ones."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DDPMScheduler,
    PNDMScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPipeline,
    StableDiffusionUpscalePipeline,
    UNet2DConditionModel,
    UNet2DModel,
)
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from transformers import Swin2SRConfig, Swin2SRForImageSuperResolution

from antibench.contracts import ImageU8, Place
from antibench.errors import UserError
from antibench.pixels import to_float, to_u8
from antibench.purifications import _networks, _perceptual, img2img
from antibench.purifications._diffusion import Diffusion, ancestral, renewed
from antibench.registry import PURIFICATIONS
from antibench.testing.purification_contract import sample_photo
from antibench.testing.tiny_text import WIDTH, clip_text

REVISION = "0123456789abcdef0123456789abcdef01234567"
SCHEDULE: dict[str, Any] = {"beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"}
FOLDERS = {
    "diffpure": "ddpm",
    "gridpure": "ddpm",
    "impress": "vae",
    "vae-round-trip": "vae",
    "sr-down-up": "swin2sr",
    "noisy-upscaling": "upscaler",
    "img2img": "sd",
}
FEW: dict[str, dict[str, Any]] = {
    "diffpure": {"steps": 2},
    "img2img": {"steps": 10},
    "noisy-upscaling": {"steps": 2},
    "impress": {"share": 0.002},
}


def vae(**more: Any) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 8), norm_num_groups=4, latent_channels=4, sample_size=16,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, **more,
    )  # fmt: skip


def conditional_unet(channels: int, **more: Any) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        in_channels=channels, out_channels=4, block_out_channels=(8, 8), layers_per_block=1, norm_num_groups=4,
        cross_attention_dim=WIDTH, attention_head_dim=4, sample_size=8,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each checkpoint, with the layout that its repository has."""
    root = tmp_path_factory.mktemp("weights")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        unet = UNet2DModel(
            sample_size=16, block_out_channels=(8, 8), layers_per_block=1, norm_num_groups=4,
            down_block_types=("DownBlock2D",) * 2, up_block_types=("UpBlock2D",) * 2, add_attention=False,
        )  # fmt: skip
        unet.save_pretrained(root / "ddpm")
        # Its own variance would leave noise after the last of few steps.
        DDPMScheduler(**SCHEDULE, variance_type="fixed_large").save_pretrained(root / "ddpm")
        vae().save_pretrained(root / "vae")
        swin = Swin2SRConfig(image_size=16, embed_dim=8, depths=[1], num_heads=[2], window_size=4, upscale=2)
        Swin2SRForImageSuperResolution(swin).save_pretrained(root / "swin2sr")
        tokenizer, text_encoder = clip_text()
        parts: dict[str, Any] = {"vae": vae(), "text_encoder": text_encoder, "tokenizer": tokenizer}
        StableDiffusionPipeline(
            **parts, unet=conditional_unet(4), scheduler=PNDMScheduler(**SCHEDULE, skip_prk_steps=True, steps_offset=1),
            safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        ).save_pretrained(root / "sd")  # fmt: skip
        parts["vae"] = vae(scaling_factor=0.08333)
        StableDiffusionUpscalePipeline(
            **parts, unet=conditional_unet(7, num_class_embeds=1000), scheduler=DDIMScheduler(**SCHEDULE),
            low_res_scheduler=DDPMScheduler(**SCHEDULE),
        ).save_pretrained(root / "upscaler")  # fmt: skip
    return root


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No hub, and no network of another test."""
    for kept in (_networks._from_hub, _networks._pipeline):
        kept.cache_clear()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(img2img, "NATIVE", 16)


def made(name: str, revision: str = "", **params: Any) -> Any:
    return PURIFICATIONS.create(name, {"network": "org/name", "revision": revision, **FEW.get(name, {}), **params})


def applied(plugin: Any, photo: ImageU8, strength: float, place: Place, seed: int = 0) -> ImageU8:
    result: ImageU8 = plugin.apply(photo, strength=strength, rng=np.random.default_rng(seed), place=place)
    return result


def weights_of(name: str, saved: Path) -> Place:
    return Place("cpu", saved / FOLDERS[name])


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_does_without_the_hub(name: str, saved: Path, capfd: Any) -> None:
    plugin, place = made(name), weights_of(name, saved)
    photo = sample_photo(size=(17, 26))
    results = [applied(plugin, photo, plugin.grid[0], place, seed) for seed in (0, 0, 1)]
    assert results[0].shape == photo.shape
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2]) != plugin.stochastic
    assert not np.array_equal(results[0], photo)
    assert capfd.readouterr().err == ""
    for file in plugin.local_files:
        assert (place.weights / file).is_file()


@pytest.mark.parametrize("name", FOLDERS)
def test_a_commit_is_asked_for_and_found_in_the_cache(
    name: str, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = sample_photo(size=(16, 16))
    with pytest.raises(UserError, match=r"needs a commit: set the .* parameter revision"):
        applied(made(name), photo, 0.5 if name == "sr-down-up" else 1, Place())
    strength = made(name).grid[0]
    with pytest.raises(UserError, match="HF_HUB_OFFLINE is set; run `hf download org/name --revision 0123"):
        applied(made(name, REVISION), photo, strength, Place())
    cached = tmp_path / "hub" / "models--org--name" / "snapshots" / REVISION
    shutil.copytree(saved / FOLDERS[name], cached)
    found = applied(made(name, REVISION), photo, strength, Place())
    assert np.array_equal(found, applied(made(name), photo, strength, weights_of(name, saved)))


@pytest.mark.parametrize("name", ["diffpure", "vae-round-trip", "sr-down-up"])
def test_a_missing_weight_is_an_error_and_no_random_number(name: str, saved: Path, tmp_path: Path) -> None:
    folder = tmp_path / "short"
    shutil.copytree(saved / FOLDERS[name], folder)
    (file,) = folder.glob("*.safetensors")
    state = load_file(file)
    lost = sorted(state)[0]
    del state[lost]
    save_file(state, file, {"format": "pt"})
    with pytest.raises(UserError, match=f"local weights of {name} does not fit the model: 1 missing"):
        applied(made(name), sample_photo(size=(16, 16)), made(name).grid[0], Place("cpu", folder))


def test_weights_that_are_pickled_are_not_read(saved: Path, tmp_path: Path) -> None:
    vae().save_pretrained(tmp_path / "pickled", safe_serialization=False)
    with pytest.raises(UserError, match=r"local weights of vae-round-trip: .*\.safetensors is not there"):
        applied(made("vae-round-trip"), sample_photo(size=(16, 16)), 1, Place("cpu", tmp_path / "pickled"))


def test_diffpure_is_the_ancestral_sampler_of_the_checkpoint(saved: Path) -> None:
    unet = UNet2DModel.from_pretrained(saved / "ddpm").eval()
    model = Diffusion(lambda x, level: unet(x, level).sample, SCHEDULE | {"num_train_timesteps": 1000}, 16, 2)
    photo = sample_photo(size=(12, 15))
    seed = int(np.random.default_rng(0).integers(2**63))
    with torch.no_grad():
        expected = renewed(model, to_float(photo), ancestral(model, 100, 2), torch.Generator().manual_seed(seed))
    found = applied(made("diffpure"), photo, 0.1, weights_of("diffpure", saved))
    assert np.array_equal(found, to_u8(expected))


def test_swin2sr_gets_whole_windows_and_its_padding_is_cut_off(saved: Path) -> None:
    network = Swin2SRForImageSuperResolution.from_pretrained(saved / "swin2sr").eval()
    photo = to_float(sample_photo(size=(32, 20)))
    small = torch.nn.functional.interpolate(photo, size=(16, 10), mode="bicubic", antialias=True).clamp(0, 1)
    with torch.no_grad():
        large = network(torch.nn.functional.pad(small, (0, 2, 0, 0), mode="replicate")).reconstruction
    found = applied(made("sr-down-up"), to_u8(photo), 0.5, weights_of("sr-down-up", saved))
    assert np.array_equal(found, to_u8(large[..., :20].clamp(0, 1)))


def test_the_pipelines_are_given_the_settings(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []
    for kind in (StableDiffusionUpscalePipeline, StableDiffusionImg2ImgPipeline):
        whole = kind.__call__

        def keep(self: Any, prompt: str, image: Any, whole: Any = whole, **given: Any) -> Any:
            calls.append({"prompt": prompt, "size": tuple(image.shape[-2:]), **given})
            return whole(self, prompt, image, **given)

        monkeypatch.setattr(kind, "__call__", keep)
    photo = sample_photo(size=(9, 20))
    applied(made("noisy-upscaling", guidance=3.0), photo, 640, weights_of("noisy-upscaling", saved))
    applied(made("img2img", prompt="a face", guidance=2.0), photo, 0.3, weights_of("img2img", saved))
    upscaled, again, edited = calls
    assert upscaled["noise_level"] == again["noise_level"] == 320
    assert (upscaled["prompt"], upscaled["guidance_scale"], upscaled["num_inference_steps"]) == ("a picture", 3.0, 2)
    assert (edited["prompt"], edited["guidance_scale"], edited["num_inference_steps"]) == ("a face", 2.0, 10)
    assert edited["strength"] == 0.3
    assert upscaled["size"] == (10, 20)
    assert edited["size"] == (16, 36), "a shorter side of 9 is brought to 16"


def test_a_photo_that_is_blackened_fails(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flags(self: Any, image: Any, *args: Any) -> Any:
        return image * 0, [True]

    monkeypatch.setattr(StableDiffusionImg2ImgPipeline, "run_safety_checker", flags)
    with pytest.raises(ValueError, match="blackened the photo"):
        applied(made("img2img"), sample_photo(size=(16, 16)), 0.3, weights_of("img2img", saved))


def test_pipelines_have_no_twin(saved: Path) -> None:
    for name in ("img2img", "noisy-upscaling"):
        assert made(name).twin(torch.zeros(1, 3, 8, 8), strength=0.3, generator=torch.Generator()) is None


def test_lpips_is_asked_of_those_who_have_it(saved: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    plugin = made("impress", distance="lpips")
    with pytest.raises(UserError, match=r"distance='lpips' needs torchvision's VGG16 weights; fetch them once"):
        applied(plugin, sample_photo(size=(16, 16)), 100, weights_of("impress", saved))
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def lpips(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        seen.append((one.detach().clone(), other))
        return (one - other).square().mean((1, 2, 3), keepdim=True)

    monkeypatch.setattr(_perceptual, "_lpips", lambda device: lpips)
    photo = sample_photo(size=(16, 16))
    applied(plugin, photo, 1000, weights_of("impress", saved))
    expected = 2 * to_float(photo) - 1
    assert len(seen) == 2
    assert all(torch.equal(other, expected) for _, other in seen)
    assert torch.equal(seen[0][0], expected)
