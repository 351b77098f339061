"""The parity command on the reference files beside this test, as they are and with something wrong in them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import make_opensora_golden
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from antibench.models.opensora.config import STDiT3Config, TemporalVAEConfig, VAEConfig
from antibench.models.opensora.stdit3 import STDiT3
from antibench.models.opensora.vae import OpenSoraVAE
from antibench.testing.parity import main
from antibench.testing.tiny_opensora import STDIT3, VAE

Tensors = dict[str, torch.Tensor]

GOLDEN = Path(__file__).with_name("golden") / "opensora"
FILES = sorted(path.name for path in GOLDEN.iterdir())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the reference files, to be changed."""
    return Path(shutil.copytree(GOLDEN, tmp_path / "opensora"))


def changed(path: Path, change: Callable[[Tensors], object], **metadata: str) -> Path:
    with safe_open(path, framework="pt") as file:
        kept = file.metadata()
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata=kept | metadata)
    return path


def failures(path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the command finds wrong, with its exit code checked against it."""
    code = main([str(path)])
    failed = [line for line in capsys.readouterr().out.splitlines() if "FAIL" in line]
    assert code == (1 if failed else 0)
    return failed


def test_there_is_a_file_of_every_kind_that_is_computed() -> None:
    starts = {"stdit3", "vae_temporal", "vae_pipeline", "rflow_golden", "rflow_timesteps", "mask_strategy", "prompt"}
    assert {start for start in starts if any(name.startswith(start) for name in FILES)} == starts


@pytest.mark.parametrize("name", FILES)
def test_what_is_recorded_is_computed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(GOLDEN / name)]) == 0, capsys.readouterr().out
    assert "all within tolerance" in capsys.readouterr().out


@torch.no_grad()
def test_files_of_other_configurations_are_checked_by_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    temporal = TemporalVAEConfig(
        filters=4, num_res_blocks=2, channel_multipliers=(1, 2, 1), temporal_downsample=(True, False), num_groups=2
    )
    others = {
        "STDIT3": {"depth": 2, "hidden_size": 24, "num_heads": 3, "mlp_ratio": 2.5, "qk_norm": False},
        "VAE": {"temporal_vae": temporal, "micro_frame_size": 6, "micro_batch_size": None, "shift": (0.1, 0.2, 0.3, 0)},
    }
    for name, update in others.items():
        monkeypatch.setattr(make_opensora_golden, name, getattr(make_opensora_golden, name).model_copy(update=update))
    monkeypatch.setattr(make_opensora_golden, "TEMPORAL", temporal)
    folder = tmp_path / "opensora"
    folder.mkdir()
    for make in make_opensora_golden.MAKERS:
        make(folder)
    assert main([str(folder)]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("file", "tensor", "moved", "shown"),
    [
        ("stdit3", "outputs_nomask.y", 5e-5, "nomask: y"),
        ("stdit3", "outputs_nomask_fulltext.y", 5e-5, "nomask_fulltext: y"),
        ("stdit3", "outputs_mixed_fp64.y", 1e-8, "mixed: fp64: y"),
        ("stdit3", "outputs_eps.y", 5e-5, "eps: y"),
        ("vae_temporal", "outputs_T4.moments", 5e-5, "T4: moments"),
        ("vae_temporal", "outputs_fp64_T1.decoded_mode", 1e-8, "T1: fp64: decoded_mode"),
        ("vae_temporal", "outputs_eps_T1.decoded_of_mean", 5e-5, "T1: eps: decoded_of_mean"),
        ("vae_pipeline", "outputs.video_latent_noise", 5e-5, "video_latent_noise"),
        ("vae_pipeline", "outputs.image_decoded_of_latent_mode", 5e-5, "image_decoded_of_latent_mode"),
        ("vae_pipeline", "outputs.video_spatial_latent_mode", 5e-5, "video_spatial_latent_mode"),
        ("rflow", "i2v.step1.pred", 5e-5, "i2v.step1.pred"),
        ("rflow", "i2v.step2.z", 5e-5, "i2v.step2.z"),
        ("rflow", "edit.z_init", 1e-6, "edit.z_init"),
        ("rflow", "edit.samples", 1e-3, "edit.samples"),
        ("rflow", "edit.samples", 5e-5, "edit.last"),
    ],
)
def test_one_number_off_by_more_than_its_tolerance_is_found(
    folder: Path, capsys: pytest.CaptureFixture[str], file: str, tensor: str, moved: float, shown: str
) -> None:
    def nudge(tensors: Tensors) -> None:
        tensors[tensor].view(-1)[-1] += moved

    failed = failures(changed(folder / f"{file}_golden.safetensors", nudge), capsys)
    assert any(f" {shown} " in line for line in failed), failed


@pytest.mark.parametrize(
    ("file", "part", "shown"),
    [
        ("mask_strategy_cases", ("cases", 4, "mask", 10), "4: '0;0,1,0,-1,1' mask"),
        ("mask_strategy_cases", ("cases", 4, "frame_source", 0), "4: '0;0,1,0,-1,1' frames"),
        ("mask_strategy_cases", ("cases", 1, "parsed", 0, 4), "1: '0' parsed"),
        ("rflow_timesteps", ("cases", 0, "bf16", 3), "30 steps, 240 x 426, 51 frames, bf16"),
        ("sizes", ("sizes", "240p", "9:16", 1), "240p"),
        ("sizes", ("num_frames", "4s"), "lengths"),
    ],
)
def test_a_wrong_number_in_a_table_is_found(
    folder: Path, capsys: pytest.CaptureFixture[str], file: str, part: tuple[Any, ...], shown: str
) -> None:
    path = folder / f"{file}.json"
    table = json.loads(path.read_text("utf-8"))
    *way, last = part
    place = table
    for step in way:
        place = place[step]
    place[last] += 2
    path.write_text(json.dumps(table), "utf-8")
    failed = failures(path, capsys)
    assert len(failed) == 1
    assert f" {shown} " in failed[0]


def test_a_prompt_that_is_cleaned_otherwise_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "prompt_cases.json"
    path.write_text(path.read_text("utf-8").replace('"cleaned": "a red car', '"cleaned": "a Red car'), "utf-8")
    failed = failures(path, capsys)
    assert len(failed) == 4
    assert "'a red car drives" in failed[0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda tensors: tensors.pop("weights.final_layer.linear.bias"), "1 missing: final_layer.linear.bias"),
        (lambda tensors: tensors.update({"weights.odd": torch.ones(1)}), "1 unexpected: odd"),
        (lambda tensors: tensors.update({"weights.rope.freqs": torch.ones(3)}), "another shape: rope.freqs (3,), not"),
        (lambda tensors: tensors.update({"outputs_mixed.z": torch.ones(1)}), "nothing computes this output"),
    ],
)
def test_a_file_that_does_not_fit_fails_and_says_why(
    folder: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Tensors], object], told: str
) -> None:
    assert any(told in line for line in failures(changed(folder / "stdit3_golden.safetensors", change), capsys))


def test_weights_that_lie_in_another_file_are_those_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def disturb(tensors: Tensors) -> None:
        tensors["weights.decoder.conv_out.conv.bias"] += 1

    changed(folder / "vae_temporal_golden.safetensors", disturb)
    failed = failures(folder / "vae_pipeline_golden.safetensors", capsys)
    assert [line.split()[1] for line in failed] == ["image_decoded_of_latent_mode", "video_decoded_of_latent_mode"]


@pytest.mark.parametrize(("file", "entry"), [("rflow", "weights_from"), ("vae_pipeline", "temporal_weights_from")])
def test_a_file_outside_the_folder_is_no_source_of_weights(
    folder: Path, capsys: pytest.CaptureFixture[str], file: str, entry: str
) -> None:
    path = changed(folder / f"{file}_golden.safetensors", lambda tensors: None, **{entry: "../secret.safetensors"})
    assert "not a file beside it" in failures(path, capsys)[0]


@pytest.mark.parametrize("part", ["denoiser", "vae"])
def test_names_are_those_of_a_network_of_the_listed_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], part: str
) -> None:
    """Of either network, told by its configuration; remarks in it are passed over."""
    config: STDiT3Config | VAEConfig = STDIT3 if part == "denoiser" else VAE
    with torch.device("meta"):
        network = STDiT3(STDIT3) if part == "denoiser" else OpenSoraVAE(VAE)
    given = config.model_dump()
    given.get("spatial_vae", given)["note"] = "tiny"
    keys = {name: {"shape": list(value.shape), "dtype": "float32"} for name, value in network.state_dict().items()}
    path = tmp_path / "opensora" / "keys_tiny.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"config": given, "keys": keys}), "utf-8")
    assert failures(path, capsys) == []
    first = next(iter(keys))
    path.write_text(json.dumps({"config": given, "keys": keys | {first: {"shape": [1], "dtype": "int64"}}}), "utf-8")
    failed = failures(path, capsys)
    assert f"1 of another shape: {first} (" in failed[0]
    assert first in failed[1]


def test_an_architecture_that_is_not_there_fails_by_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = json.dumps(STDIT3.model_dump() | {"patch_size": [2, 2, 2]})
    path = changed(folder / "stdit3_golden.safetensors", lambda tensors: None, config=config)
    assert any("patch_size" in line for line in failures(path, capsys))
