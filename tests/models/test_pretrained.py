"""Pipelines from a local folder, and what is said of one that is cut short, lacks something or is of another model.

The folders are made by the classes that read them, with tiny networks.
"""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from diffusers import CogVideoXImageToVideoPipeline
from huggingface_hub import HfApi, constants
from safetensors.torch import load_file, save_file

from antibench.contracts import ModelCard
from antibench.errors import UserError, reason_of
from antibench.models.hub import load_pipeline
from antibench.models.opensora.specs import OpenSora12
from antibench.models.origin import Origin, origin_of
from antibench.models.specs import SVDXT, CogVideoX5BI2V
from antibench.testing.tiny_svd import TinySVD

REVISION = "0123456789abcdef0123456789abcdef01234567"
DENOISER = "unet/diffusion_pytorch_model.safetensors"
ENCODER = "image_encoder/model.safetensors"


@dataclasses.dataclass(frozen=True)
class LocalSVD(SVDXT):
    """A tiny checkpoint through the loader of the real one."""

    steps: int = 2
    dtype: Any = "float32"
    revision: str = ""

    card: ClassVar[ModelCard] = ModelCard("Tiny", repo_id="org/svd")
    size: ClassVar[tuple[int, int]] = TinySVD.size
    frames: ClassVar[int] = TinySVD.frames


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("svd")
    TinySVD(clip=True).load("cpu").pipe.save_pretrained(folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    shutil.copytree(saved, tmp_path / "svd")
    return tmp_path / "svd"


State = dict[str, torch.Tensor]


def changed(file: Path, change: Callable[[State], Any]) -> None:
    """Write a weights file anew with a change."""
    state = load_file(file)
    change(state)
    save_file(state, file, {"format": "pt"})


def told(folder: Path) -> str:
    """What is said of a folder that cannot be loaded; nothing is printed beside it."""
    with pytest.raises(UserError) as caught:
        LocalSVD().load("cpu", folder)
    message = str(caught.value)
    assert "\n" not in message
    assert reason_of(caught.value) == message, "not cut off in a table of failures"
    return message


def test_a_folder_takes_the_place_of_the_hub_and_needs_no_commit(folder: Path) -> None:
    model: Any = LocalSVD().load("cpu", folder)
    loaded, wanted = model.pipe.unet.state_dict(), load_file(folder / DENOISER)
    assert loaded.keys() == wanted.keys()
    assert all(torch.equal(loaded[name], wanted[name]) for name in wanted)
    assert not model.pipe.unet.training
    with pytest.raises(UserError, match="needs a commit"):
        LocalSVD().load("cpu")


@pytest.mark.parametrize("file", [DENOISER, ENCODER])
def test_a_missing_weight_is_an_error_and_no_random_number(file: str, folder: Path, capfd: Any) -> None:
    lost = sorted(load_file(folder / file))[0]
    changed(folder / file, lambda state: state.pop(lost))
    part = file.partition("/")[0]
    assert told(folder) == f"{part} of the local weights of svd does not fit the model: 1 missing: {lost}"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("file", [DENOISER, ENCODER])
def test_a_weight_of_another_shape_is_named_with_both_shapes(file: str, folder: Path) -> None:
    name = next(name for name, value in sorted(load_file(folder / file).items()) if value.ndim == 1)
    shape = tuple(load_file(folder / file)[name].shape)
    changed(folder / file, lambda state: state.update({name: torch.zeros(5)}))
    assert told(folder).endswith(f"does not fit the model: 1 of another shape: {name} (5,), not {shape}")


def test_all_kinds_of_mistakes_are_in_one_message(folder: Path) -> None:
    def several(state: State) -> None:
        for name in ("conv_in.weight", "conv_out.weight", "conv_in.bias", "conv_out.bias"):
            state[f"odd.{name}"] = state.pop(name)
        state["conv_norm_out.bias"] = torch.zeros(2, 2)

    changed(folder / DENOISER, several)
    message = told(folder)
    assert "4 missing: conv_in.bias, conv_in.weight, conv_out.bias ...; 4 unexpected: odd.conv_in.bias, " in message
    assert message.endswith("1 of another shape: conv_norm_out.bias (2, 2), not (32,)")


def test_more_than_the_network_is_a_fault_of_a_denoiser_and_none_of_an_encoder(folder: Path) -> None:
    changed(folder / ENCODER, lambda state: state.update({"text_model.odd": torch.zeros(1)}))
    LocalSVD().load("cpu", folder)
    changed(folder / DENOISER, lambda state: state.update({"odd": torch.zeros(1)}))
    assert told(folder).endswith("1 unexpected: odd")


@pytest.mark.parametrize("file", [DENOISER, ENCODER])
@pytest.mark.parametrize("left", [0, 4, 200, -4])
def test_a_file_that_was_cut_short_is_named(left: int, file: str, folder: Path) -> None:
    content = (folder / file).read_bytes()
    (folder / file).write_bytes(content[:left])
    assert told(folder).startswith(f"local weights of svd: {file}: not a whole checkpoint (")


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("vae", "not whole"),
        ("unet/config.json", "not whole"),
        (DENOISER, "not whole"),
        ("feature_extractor", "not whole"),
        ("model_index.json", "holds no model_index.json"),
    ],
)
def test_what_lacks_a_file_is_not_whole(lost: str, said: str, folder: Path) -> None:
    path = folder / lost
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    assert said in told(folder)


@pytest.mark.parametrize("file", ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json"])
def test_a_broken_table_is_told(file: str, folder: Path) -> None:
    (folder / file).write_text('{"_class_name": ')
    assert told(folder).startswith("local weights of svd: not whole (")


def test_another_models_folder_is_refused(folder: Path) -> None:
    whole = "local weights of svd: holds StableVideoDiffusionPipeline, not CogVideoXImageToVideoPipeline: it has no "
    with pytest.raises(UserError, match=re.escape(f"{whole}tokenizer, text_encoder, transformer")):
        load_pipeline(CogVideoXImageToVideoPipeline, origin_of(LocalSVD(), folder), "float32", "cpu")
    index = json.loads((folder / "model_index.json").read_text())
    index["vae"] = ["diffusers", "AutoencoderKL"]
    (folder / "model_index.json").write_text(json.dumps(index))
    assert told(folder) == (
        "local weights of svd: vae is AutoencoderKL, not AutoencoderKLTemporalDecoder: another model's weights"
    )


def test_the_cache_of_the_hub_is_held_to_the_same(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = tmp_path / "hub" / "models--org--svd" / "snapshots" / REVISION
    shutil.copytree(folder, cached)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    changed(cached / DENOISER, lambda state: state.pop("conv_in.bias"))
    with pytest.raises(UserError, match=r"^unet of org/svd does not fit the model: 1 missing: conv_in\.bias$"):
        LocalSVD(revision=REVISION).load("cpu")
    (cached / DENOISER).write_bytes((cached / DENOISER).read_bytes()[:-4])
    with pytest.raises(UserError, match=r"^org/svd: unet/diffusion_pytorch_model\.safetensors: not a whole checkpoint"):
        LocalSVD(revision=REVISION).load("cpu")


OUT_OF_REACH = [
    (Origin("a/b", REVISION, "m", download_gb=10.4, weights_gb=5.2), "(about 10.4 GB)"),
    (Origin("a/b", REVISION, "m", weights_gb=21.0), "(size not known; loaded, it takes about 21 GB)"),
    (Origin("a/b", REVISION, "m"), "(size not known)"),
]


@pytest.mark.parametrize(("origin", "size"), OUT_OF_REACH)
def test_a_remedy_says_how_much_from_where_and_what_instead(origin: Origin, size: str) -> None:
    assert origin.remedy == (
        f"run `hf download a/b --revision {REVISION}` {size} where the hub can be reached, and set HF_HOME to its "
        "cache or give the folder by `--weights m=PATH`"
    )


def test_a_repository_of_several_has_its_own_subfolder() -> None:
    whole = origin_of(OpenSora12(), Path("mine"))
    part = whole.part("org/text", REVISION, 19.0)
    assert part.local == Path("mine/text")
    assert part.shown == "local weights of opensora-1.2 (text)"
    far = origin_of(OpenSora12(), None).part("org/text", REVISION, 19.0)
    assert far.remedy.endswith("`--weights opensora-1.2=PATH`, where PATH holds text/")
    assert "about 19 GB" in far.remedy


def test_however_long_the_reason_the_remedy_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(api: HfApi, repo_id: str, *, revision: str, timeout: float) -> None:
        raise ConnectionError("HTTPSConnectionPool: " + "x" * 1000)

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(HfApi, "model_info", unreachable)
    with pytest.raises(UserError) as caught:
        CogVideoX5BI2V().load("cpu")
    reason = reason_of(caught.value)
    assert reason == str(caught.value)
    spec = CogVideoX5BI2V
    for part in (spec.card.repo_id, f"--revision {spec.revision}", "about 21 GB", "HF_HOME", f"{spec.name}=PATH"):
        assert part in reason
