"""The loader of the published checkpoints, on a tiny one laid out as the hub's cache lays it out."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from huggingface_hub import HfApi, constants

from antibench.contracts import ModelCard
from antibench.errors import UserError
from antibench.models import hub
from antibench.models.dynamicrafter.clip_pixels import clip_pixels
from antibench.models.dynamicrafter.ddim import Guidance
from antibench.models.dynamicrafter.presets import PRESETS, Preset
from antibench.models.dynamicrafter.specs import (
    DynamiCrafter256,
    DynamiCrafter512,
    DynamiCrafter1024,
    DynamiCrafterSpec,
)
from antibench.models.origin import Origin
from antibench.testing.model_contract import checks
from antibench.testing.tiny_dynamicrafter import CONFIG, TinyDynamiCrafter, tiny_networks

REVISION = "0123456789abcdef0123456789abcdef01234567"


@dataclasses.dataclass(frozen=True)
class Cached(DynamiCrafterSpec):
    """A tiny checkpoint through the loader of the published ones."""

    steps: int = 2
    revision: str = REVISION

    name: ClassVar[str] = "cached"
    card: ClassVar[ModelCard] = ModelCard("Tiny", repo_id="org/dynamicrafter", revision=REVISION)
    size: ClassVar[tuple[int, int]] = TinyDynamiCrafter.size
    frames: ClassVar[int] = TinyDynamiCrafter.frames
    preset: ClassVar[str] = "tiny"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hub")
    folder = root / "models--org--dynamicrafter" / "snapshots" / REVISION
    folder.mkdir(parents=True)
    torch.save({"state_dict": tiny_networks(CONFIG.diffusion).state_dict()}, folder / "model.ckpt")
    return root


@pytest.fixture(autouse=True)
def offline_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    tiny = Preset("org/dynamicrafter", CONFIG, TinyDynamiCrafter.size, 24, Guidance(), "uniform_trailing")
    monkeypatch.setitem(PRESETS, "tiny", tiny)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_loader_keeps_the_contract(dtype: str) -> None:
    assert [check for check in checks(Cached, dtype=dtype) if not check.ok] == []


def test_the_loaded_model_is_the_saved_one() -> None:
    loaded, made = Cached(dtype="float32").load("cpu"), TinyDynamiCrafter().load("cpu")
    photo = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    assert np.array_equal(loaded.generate(photo, "a smile", 3), made.generate(photo, "a smile", 3))


def test_a_photo_is_prepared_in_float32_and_rounded_last(monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = Cached(dtype="bfloat16").load("cpu")
    tower = model.networks.embedder
    seen: list[torch.Tensor] = []
    tokens = tower.tokens
    monkeypatch.setattr(tower, "tokens", lambda prepared: seen.append(prepared) or tokens(prepared))
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    model.encode(image)
    precise = clip_pixels(image * 2 - 1, 28)
    assert torch.equal(seen[0], precise.bfloat16())
    assert not torch.equal(seen[0], clip_pixels((image * 2 - 1).bfloat16(), 28))


def test_stages_run_again_in_the_backward_pass_and_the_gradient_stays() -> None:
    model: Any = Cached(dtype="float32").load("cpu")
    unet = model.networks.unet
    image = torch.rand(1, 3, *model.size, generator=torch.Generator().manual_seed(0))
    clip = model.encode_clip(np.zeros((model.frames, *model.size, 3), np.uint8))
    noise = torch.randn(clip.shape, generator=torch.Generator().manual_seed(1))
    runs: list[int] = []
    unet.middle_block[0].register_forward_pre_hook(lambda module, args: runs.append(1))

    def gradient() -> torch.Tensor:
        leaf = image.clone().requires_grad_()
        seen = model.denoise(
            leaf, "", clip_latents=clip, t=0.5, noise=noise, guided=True, capture=(model.layers[1], model.layers[-1])
        )
        loss = seen.loss + sum(feature.square().mean() for feature in seen.features.values())
        (found,) = torch.autograd.grad(loss, leaf)
        return found

    recomputed = gradient()
    assert len(runs) == 2
    for part in unet.modules():
        if hasattr(part, "recompute"):
            part.recompute = False
    torch.testing.assert_close(recomputed, gradient(), rtol=1e-3, atol=1e-9)
    assert len(runs) == 3
    assert recomputed.any()


def test_a_checkpoint_of_another_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    wider = CONFIG.model_copy(update={"unet": CONFIG.unet.model_copy(update={"context_dim": 32})})
    monkeypatch.setitem(PRESETS, "tiny", dataclasses.replace(PRESETS["tiny"], config=wider))
    with pytest.raises(UserError, match="does not fit the model"):
        Cached().load("cpu")
    with pytest.raises(UserError, match="dtype 'float16' is not one of bfloat16, float32"):
        Cached(dtype="float16").load("cpu")  # type: ignore[arg-type]


@pytest.fixture
def local(cache: Path, tmp_path: Path) -> Path:
    """A folder of one's own with the checkpoint in it, and a hub cache without."""
    (tmp_path / "mine").mkdir()
    shutil.copy(next(cache.rglob("model.ckpt")), tmp_path / "mine")
    return tmp_path / "mine"


def test_a_checkpoint_loads_from_its_folder_or_by_its_file_without_a_commit(
    local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(local / "empty"))
    photo = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    wanted = TinyDynamiCrafter().load("cpu").generate(photo, "a smile", 3)
    spec = Cached(dtype="float32", revision="")
    other = (local / "model.ckpt").rename(local / "of-another-name.ckpt")
    assert np.array_equal(spec.load("cpu", other).generate(photo, "a smile", 3), wanted)
    other.rename(local / "model.ckpt")
    assert np.array_equal(spec.load("cpu", local).generate(photo, "a smile", 3), wanted)


def test_local_checkpoints_that_do_not_fit_are_told(local: Path, tmp_path: Path) -> None:
    file = local / "model.ckpt"
    state = torch.load(file, weights_only=True)["state_dict"]
    first = next(iter(state))
    state["odd"] = state.pop(first)
    torch.save({"state_dict": state}, file)
    with pytest.raises(UserError, match=re.escape(f"does not fit the model: 1 missing: {first}; 1 unexpected: odd")):
        Cached().load("cpu", local)
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(UserError, match=r"model\.ckpt: not a whole checkpoint"):
        Cached().load("cpu", local)
    with pytest.raises(UserError, match=r"local weights of cached: .*model\.ckpt is not there"):
        Cached().load("cpu", tmp_path)


def test_weights_out_of_reach_are_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="HF_HUB_OFFLINE is set; run `hf download Doubiiu/DynamiCrafter_512 --rev"):
        DynamiCrafter512().load("cpu")

    def unreachable(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("Name or service not known\nand more")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(HfApi, "model_info", unreachable)
    with pytest.raises(UserError, match=r"cannot be fetched \(Name or service not known\); run `hf download"):
        DynamiCrafter1024().load("cpu")


def test_a_file_that_is_not_cached_is_downloaded_at_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def download(repo_id: str, name: str, *, revision: str) -> str:
        asked.append((repo_id, name, revision))
        return str(tmp_path / name)

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(HfApi, "model_info", lambda *args, **kwargs: None)
    monkeypatch.setattr(hub, "hf_hub_download", download)
    assert hub.fetch_file(Origin("org/other", REVISION), "model.ckpt") == tmp_path / "model.ckpt"
    assert asked == [("org/other", "model.ckpt", REVISION)]


@pytest.mark.parametrize("spec", [DynamiCrafter512, DynamiCrafter1024, DynamiCrafter256])
def test_specs_are_the_presets(spec: type[DynamiCrafterSpec]) -> None:
    preset, given = PRESETS[spec.preset], spec()
    assert spec.name == f"dynamicrafter-{spec.preset}"
    assert spec.card.repo_id == preset.repo_id
    assert spec.size == preset.size
    assert spec.frames == preset.config.image_projector.video_length
    assert (given.fs, given.steps, given.eta) == (preset.fs, preset.steps, preset.eta)
    assert Guidance(given.guidance, given.guidance_rescale) == preset.guidance
