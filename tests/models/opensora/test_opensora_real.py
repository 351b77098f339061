"""The loader of the published checkpoints, on tiny ones laid out as the hub's cache lays them out."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from antibench.contracts import ModelCard
from antibench.errors import UserError
from antibench.local_weights import checked
from antibench.models.opensora.checkpoint import load_stdit3, load_vae
from antibench.models.opensora.config import STDiT3Config, VAEConfig
from antibench.models.opensora.prompt import AESTHETIC
from antibench.models.opensora.sizes import NUM_FRAMES, size_of
from antibench.models.opensora.specs import OpenSora12
from antibench.models.opensora.vae import OpenSoraVAE
from antibench.testing.model_contract import checks
from antibench.testing.tiny_opensora import STDIT3, VAE, TinyOpenSora, tiny_networks, tiny_t5

REVISION = "0123456789abcdef0123456789abcdef01234567"
COMMITS = {"revision": REVISION, "vae_revision": REVISION, "text_revision": REVISION}


@dataclasses.dataclass(frozen=True)
class Cached(OpenSora12):
    """Tiny checkpoints through the loader of the published ones."""

    steps: int = 2
    revision: str = REVISION
    vae_revision: str = REVISION
    text_revision: str = REVISION

    name: ClassVar[str] = "cached"
    card: ClassVar[ModelCard] = ModelCard("Tiny", repo_id="org/stdit", revision=REVISION)
    size: ClassVar[tuple[int, int]] = TinyOpenSora.size
    frames: ClassVar[int] = TinyOpenSora.frames
    told_size: ClassVar[tuple[int, int]] = TinyOpenSora.size
    vae_repo: ClassVar[str] = "org/vae"
    text_repo: ClassVar[str] = "org/t5"
    local_files: ClassVar[tuple[str, ...]] = ("stdit/model.safetensors", "vae/model.safetensors", "t5/config.json")

    def denoiser_config(self) -> STDiT3Config:
        return STDIT3

    def vae_config(self) -> VAEConfig:
        return VAE


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hub")
    networks = tiny_networks()
    for name, part in (("stdit", networks.denoiser), ("vae", networks.vae)):
        state = {key: value.contiguous() for key, value in part.state_dict().items()}
        save_file(state, snapshot(root, name) / "model.safetensors")
    tokenizer, _ = tiny_t5()
    tokenizer.save_pretrained(snapshot(root, "t5"))
    networks.text_encoder.encoder.save_pretrained(snapshot(root, "t5"))
    return root


def snapshot(root: Path, name: str) -> Path:
    folder = root / f"models--org--{name}" / "snapshots" / REVISION
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(autouse=True)
def offline_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_loader_keeps_the_contract(dtype: str) -> None:
    assert [check for check in checks(Cached, dtype=dtype) if not check.ok] == []


def test_the_loaded_model_is_the_saved_one() -> None:
    loaded, made = Cached(dtype="float32").load("cpu"), TinyOpenSora().load("cpu")
    photo = np.random.default_rng(0).integers(0, 256, (*TinyOpenSora.size, 3), dtype=np.uint8)
    assert np.array_equal(loaded.generate(photo, "a smile", 3), made.generate(photo, "a smile", 3))


def test_text_keeps_its_own_type_and_rotary_positions_theirs() -> None:
    networks: Any = Cached(dtype="bfloat16").load("cpu").networks  # type: ignore[attr-defined]
    assert networks.denoiser.final_layer.linear.weight.dtype == torch.bfloat16
    assert networks.vae.temporal_vae.quant_conv.conv.weight.dtype == torch.bfloat16
    assert networks.denoiser.rope.freqs.dtype == torch.float32
    assert networks.text_encoder.encoder.shared.weight.dtype == torch.float32
    assert all(block.recompute for block in networks.denoiser.blocks())


def test_pixels_of_bfloat16_models_stay_close_to_those_of_float32_ones() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*TinyOpenSora.size, 3), dtype=np.uint8)
    short, long = (Cached(dtype=dtype).load("cpu") for dtype in ("bfloat16", "float32"))  # type: ignore[arg-type]
    latents = [model.encode_clip(np.stack([photo] * TinyOpenSora.frames)) for model in (short, long)]
    torch.testing.assert_close(latents[0], latents[1], rtol=0.05, atol=0.05)
    assert not torch.equal(latents[0], latents[1])


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_either_form_of_checkpoint_gives_the_same_network(tmp_path: Path, suffix: str) -> None:
    networks = tiny_networks()
    for part, load, config in ((networks.denoiser, load_stdit3, STDIT3), (networks.vae, load_vae, VAE)):
        state = {name: value.contiguous() for name, value in part.state_dict().items()}
        path = tmp_path / f"model.{suffix}"
        if suffix == "safetensors":
            save_file(state, path)
        else:
            torch.save(state, path)
        loaded = load(path, config)  # type: ignore[operator]
        assert all(torch.equal(value, state[name]) for name, value in loaded.state_dict().items())
        assert not any(parameter.requires_grad for parameter in loaded.parameters())
        assert not loaded.training


def test_a_checkpoint_of_another_network_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    state = OpenSoraVAE(VAE).state_dict()
    state["odd"] = state.pop("scale")
    save_file({name: value.contiguous() for name, value in state.items()}, path)
    with pytest.raises(UserError, match=r"1 missing: scale; 1 unexpected: odd"):
        load_vae(path, VAE)
    with pytest.raises(UserError, match=r"missing: .*rope\.freqs"):
        load_stdit3(path, STDIT3)
    with pytest.raises(UserError, match="dtype 'float16' is not one of bfloat16, float32"):
        Cached(dtype="float16").load("cpu")  # type: ignore[arg-type]


@pytest.fixture
def local(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a subfolder for each repository, and a hub cache without any."""
    for name in ("stdit", "vae", "t5"):
        shutil.copytree(snapshot(cache, name), tmp_path / name)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "empty"))
    return tmp_path


def test_a_folder_with_the_three_repositories_needs_no_commit(local: Path) -> None:
    spec = Cached(dtype="float32", revision="", vae_revision="", text_revision="")
    loaded, made = spec.load("cpu", checked("cached", Cached, local)), TinyOpenSora().load("cpu")
    photo = np.random.default_rng(0).integers(0, 256, (*TinyOpenSora.size, 3), dtype=np.uint8)
    assert np.array_equal(loaded.generate(photo, "a smile", 3), made.generate(photo, "a smile", 3))


def test_a_text_encoder_that_lacks_a_weight_is_refused_not_filled_up(local: Path) -> None:
    file = local / "t5" / "model.safetensors"
    state = load_file(file)
    lost = sorted(state)[0]
    del state[lost]
    save_file(state, file, {"format": "pt"})
    told = f"local weights of cached (t5) does not fit the model: 1 missing: {lost}"
    with pytest.raises(UserError, match=re.escape(told)):
        Cached(dtype="float32").load("cpu", local)
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(UserError, match=re.escape("(t5): model.safetensors: not a whole checkpoint")):
        Cached(dtype="float32").load("cpu", local)


def test_the_names_of_the_subfolders_are_those_of_the_repositories() -> None:
    repos = (OpenSora12.card.repo_id, OpenSora12.vae_repo, OpenSora12.text_repo)
    assert [name.partition("/")[0] for name in OpenSora12.local_files] == [repo.partition("/")[2] for repo in repos]


@pytest.mark.parametrize("missing", COMMITS)
def test_without_a_commit_nothing_is_loaded(missing: str) -> None:
    repo = {"revision": "hpcai-tech/OpenSora-STDiT-v3", "vae_revision": OpenSora12.vae_repo}
    given = {**COMMITS, missing: "main"}
    told = f"{repo.get(missing, OpenSora12.text_repo)} needs a commit: set the model's parameter {missing}"
    with pytest.raises(UserError, match=told):
        OpenSora12(**given).load("cpu")  # type: ignore[arg-type]


def test_of_its_repositories_the_text_encoders_is_pinned() -> None:
    spec = OpenSora12()
    assert (spec.revision, spec.vae_revision) == ("", "")
    assert re.fullmatch("[0-9a-f]{40}", spec.text_revision)


def test_weights_out_of_reach_are_said_at_once() -> None:
    with pytest.raises(UserError, match="HF_HUB_OFFLINE is set; run `hf download hpcai-tech/OpenSora-STDiT-v3 --rev"):
        OpenSora12(**COMMITS).load("cpu")  # type: ignore[arg-type]


def test_a_text_encoder_that_is_not_whole_is_told(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (snapshot(cache, "half") / "config.json").write_text('{"model_type": "t5"}')
    monkeypatch.setattr(Cached, "text_repo", "org/half")
    with pytest.raises(UserError, match="org/half is not whole in the cache"):
        Cached(dtype="float32").load("cpu")


def test_the_spec_is_the_published_configuration() -> None:
    spec = OpenSora12()
    assert (spec.steps, spec.guidance, spec.aesthetic) == (30, 7.0, AESTHETIC)
    assert spec.frames == NUM_FRAMES["2s"]
    assert spec.told_size == size_of("240p", "9:16")
    assert spec.denoiser_config() == STDiT3Config()
    assert spec.vae_config() == VAEConfig()
    with torch.device("meta"):
        vae = OpenSoraVAE(spec.vae_config())
    # Clips come out at whole patches of what was put in.
    assert spec.size == tuple(vae.patch * side for side in vae.latent_size(spec.frames, *spec.told_size)[1:])
    assert spec.card.licence
    assert spec.card.citation
