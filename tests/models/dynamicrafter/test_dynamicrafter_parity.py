"""The parity command on reference files written here, in the published layout, right and wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from dynamicrafter_tiny import CLIP, FIRST_STAGE, RESAMPLER, UNET, randomised
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from antibench.models.dynamicrafter.clip_pixels import clip_pixels
from antibench.models.dynamicrafter.config import Config, DiffusionConfig
from antibench.models.dynamicrafter.ddim import DDIM, Guidance
from antibench.models.dynamicrafter.first_stage import FirstStage
from antibench.models.dynamicrafter.networks import DynamiCrafterNetworks
from antibench.models.dynamicrafter.presets import PRESETS
from antibench.models.dynamicrafter.resampler import Resampler
from antibench.models.dynamicrafter.schedule import Schedule, schedule_buffers
from antibench.models.dynamicrafter.unet import UNet3D
from antibench.testing.parity import main
from antibench.testing.parity_dynamicrafter import ClipTowers

Tensors = dict[str, torch.Tensor]
EPS = {"scale": 0.003, "regex": r"out\.2|proj_out"}


def saved(folder: Path, name: str, tensors: Tensors, **metadata: str) -> Path:
    path = folder / f"{name}.safetensors"
    save_file({key: value.clone().contiguous() for key, value in tensors.items()}, path, metadata=metadata)
    return path


def weights_of(module: nn.Module) -> Tensors:
    return {f"weights.{name}": value.clone() for name, value in module.state_dict().items()}


def changed(path: Path, change: Callable[[Tensors], object]) -> Path:
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata=metadata)
    return path


def described(config: Config, **more: object) -> dict[str, str]:
    return {"config": config.model_dump_json(), **{name: json.dumps(value) for name, value in more.items()}}


def _keep_first(trace: Tensors, name: str, module: nn.Module, args: object, out: torch.Tensor) -> None:
    trace.setdefault(name, out)


@torch.no_grad()
def unet_file(folder: Path) -> Path:
    network = randomised(UNet3D(UNET))
    weights = weights_of(network)
    g = torch.Generator().manual_seed(4)
    inputs = {
        "x": torch.randn(1, 8, 3, 4, 4, generator=g),
        "timesteps": torch.tensor([600]),
        "context": torch.randn(1, 11, 24, generator=g),
        "fs": torch.tensor([9]),
    }
    trace: Tensors = {}
    for name in ("input_blocks.1.1", "input_blocks.1.2", "middle_block", "output_blocks.3"):
        network.get_submodule(name).register_forward_hook(partial(_keep_first, trace, f"trace.{name}"))
    one_frame = {**inputs, "x": inputs["x"][:, :, :1]}
    tensors = {
        **weights,
        **{f"inputs.{name}": value for name, value in inputs.items()},
        **{f"inputs_shared.{name}": value for name, value in one_frame.items()},
        "outputs.y": network(*inputs.values()),
        "outputs.y_default_fs": network(*list(inputs.values())[:3]),
        "outputs_shared.y": network(*one_frame.values()),
        **trace,
    }
    double = [value.double() if value.is_floating_point() else value for value in inputs.values()]
    tensors["outputs_fp64.y"] = randomised(UNet3D(UNET)).double()(*double)
    for name, parameter in network.named_parameters():
        if "out.2" in name or "proj_out" in name:
            parameter.mul_(0.003)
    tensors["outputs_eps.y"] = network(*inputs.values())
    return saved(folder, "unet_other", tensors, **described(UNET, eps_case=EPS))


@torch.no_grad()
def resampler_file(folder: Path) -> Path:
    network = randomised(Resampler(RESAMPLER))
    x = torch.randn(2, 9, 32, generator=torch.Generator().manual_seed(4))
    return saved(
        folder,
        "resampler_other",
        {**weights_of(network), "inputs.x": x, "outputs.y": network(x)},
        **described(RESAMPLER),
    )


@torch.no_grad()
def first_stage_file(folder: Path) -> Path:
    network = randomised(FirstStage(FIRST_STAGE))
    g = torch.Generator().manual_seed(4)
    image, noise = torch.rand(1, 3, 16, 24, generator=g) * 2 - 1, torch.randn(1, 4, 4, 6, generator=g)
    posterior = network.encode(image)
    tensors = {
        **weights_of(network),
        "inputs.image": image,
        "inputs.posterior_noise": noise,
        "outputs.moments": posterior.parameters,
        "outputs.mean": posterior.mean,
        "outputs.decoded_mode": network.decode(posterior.mean),
        "outputs.scaled_latent_sample": 0.5 * (posterior.mean + posterior.std * noise),
        "trace.encoder.down.1.block.0": network.vae.encoder.down_blocks[1].resnets[0](
            network.vae.encoder.down_blocks[0](network.vae.encoder.conv_in(image)), None
        ),
    }
    return saved(folder, "first_stage_other", tensors, scale_factor="0.5", **described(FIRST_STAGE))


@torch.no_grad()
def clip_file(folder: Path) -> Path:
    towers = randomised(ClipTowers(CLIP))
    image = torch.rand(1, 3, 40, 60, generator=torch.Generator().manual_seed(4)) * 2 - 1
    tokens = torch.tensor([[7, 8, 9, 10, 0]])
    tensors = {
        **weights_of(towers),
        "inputs.image": image,
        "inputs.image_upscale": image[..., :20, :20],
        "inputs.tokens": tokens,
        "outputs.text": towers.cond_stage_model(tokens),
        "outputs.preprocessed": clip_pixels(image, 28),
        "outputs.preprocessed_upscale": clip_pixels(image[..., :20, :20], 28),
        "outputs.image_tokens": towers.embedder(image),
    }
    return saved(folder, "clip_other", tensors, **described(CLIP))


@torch.no_grad()
def ddim_file(folder: Path) -> Path:
    network = randomised(UNet3D(UNET))
    g = torch.Generator().manual_seed(5)
    start, concat, *noises = torch.randn(4, 1, 4, 3, 4, 4, generator=g)
    contexts = torch.randn(2, 1, 11, 24, generator=g)
    fs, ddim, guidance = torch.tensor([9]), DDIM.of(Schedule.of(DiffusionConfig(base_scale=0.4)), 2), Guidance(3.0, 0.5)
    tensors = {
        "inputs.x_T": start, "inputs.concat": concat, "inputs.context_cond": contexts[0],
        "inputs.context_uncond": contexts[1], "inputs.fs": fs, "run.schedule.sigmas": ddim.sigmas,
        "run.schedule.timesteps": ddim.timesteps,
    }  # fmt: skip
    noised = start
    for k, noise in enumerate(noises):
        at = torch.tensor([int(ddim.timesteps[1 - k])])
        joined = torch.cat([noised, concat], dim=1)
        v_cond, v_uncond = (network(joined, at, context, fs) for context in contexts)
        step = ddim.step(1 - k, noised, guidance(v_cond, v_uncond), noise)
        seen = {"x": noised, "v_cond": v_cond, "v_uncond": v_uncond, "pred_x0": step.clean, "x_prev": step.previous}
        tensors |= {f"run.step{k}.{name}": value for name, value in seen.items()} | {f"inputs.noise{k}": noise}
        noised = step.previous
    tensors["run.samples"] = noised
    run = {"steps": 2, "eta": 1.0, "timestep_spacing": "uniform_trailing", "guidance_rescale": 0.5, "cfg_scale": 3.0}
    runs = json.dumps({"run": run})
    return saved(folder, "ddim_other", tensors, runs=runs, weights_from="unet_other.safetensors", base_scale="0.4")


def schedule_file(folder: Path) -> Path:
    config = DiffusionConfig(base_scale=0.45)
    ddim = DDIM.of(Schedule.of(config), 7, "uniform", 0.5)
    tensors = {
        **schedule_buffers(config),
        "ddim_uniform_7.timesteps": ddim.timesteps,
        "ddim_uniform_7.sigmas_eta0.5": ddim.sigmas,
        "ddim_uniform_7.alphas": ddim.alphas,
    }
    return saved(folder, "schedule_other", tensors, base_scale=str(float(torch.tensor(0.45))))


def keys_file(folder: Path, name: str = "1024") -> Path:
    config = PRESETS[name].config
    with torch.device("meta"):
        state = DynamiCrafterNetworks(config).state_dict()
    keys = {k: {"shape": list(v.shape), "dtype": str(v.dtype).removeprefix("torch.")} for k, v in state.items()}
    given = {
        part: getattr(config, part).model_dump() for part in ("diffusion", "unet", "first_stage", "image_projector")
    }
    given["image_encoder"] = {"arch": "open_clip ViT-H-14 (laion2b_s32b_b79k), vision tower"}
    path = folder / f"keys_{name}.json"
    path.write_text(json.dumps({"config": given, "keys": keys}), "utf-8")
    return path


MAKERS = (unet_file, resampler_file, first_stage_file, clip_file, ddim_file, schedule_file, keys_file)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One right file of each kind, by its name; none is to be changed."""
    folder = tmp_path_factory.mktemp("published")
    return {path.name: path for path in (make(folder) for make in MAKERS)}


@pytest.fixture
def folder(published: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of them."""
    path = tmp_path / "dynamicrafter"
    path.mkdir()
    for original in published.values():
        shutil.copy(original, path)
    return path


KINDS = ("unet", "resampler", "first_stage", "clip", "ddim", "schedule")


def file_of(folder: Path, kind: str) -> Path:
    return folder / f"{kind}_other.safetensors"


@pytest.mark.parametrize("name", [*(f"{kind}_other.safetensors" for kind in KINDS), "keys_1024.json"])
def test_what_the_networks_computed_themselves_is_within_tolerance(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main([str(folder / name)]) == 0, capsys.readouterr().out
    assert "all within tolerance" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kind", "tensor", "moved"),
    [
        ("unet", "outputs.y", 5e-5),
        ("unet", "outputs_eps.y", 5e-5),
        ("unet", "outputs_fp64.y", 1e-8),
        ("unet", "outputs_shared.y", 5e-5),
        ("resampler", "outputs.y", 5e-5),
        ("first_stage", "outputs.scaled_latent_sample", 5e-5),
        ("clip", "outputs.text", 5e-5),
        ("clip", "outputs.image_tokens", 5e-5),
        ("clip", "outputs.preprocessed_upscale", 5e-4),
        ("ddim", "run.step1.v_uncond", 5e-5),
        ("ddim", "run.step0.pred_x0", 5e-5),
        ("ddim", "run.step1.x_prev", 5e-5),
        ("ddim", "run.samples", 1e-3),
        ("schedule", "scale_arr", 1e-5),
        ("schedule", "ddim_uniform_7.sigmas_eta0.5", 1e-5),
    ],
)
def test_one_number_off_by_more_than_its_tolerance_is_found(
    folder: Path, capsys: pytest.CaptureFixture[str], kind: str, tensor: str, moved: float
) -> None:
    def nudge(tensors: Tensors) -> None:
        tensors[tensor].view(-1)[-1] += moved

    assert main([str(changed(file_of(folder, kind), nudge))]) == 1
    failed = [line for line in capsys.readouterr().out.splitlines() if "FAIL" in line]
    shown = tensor if kind in ("ddim", "schedule") else tensor.split(".")[-1]
    assert any(f" {shown} " in line for line in failed), failed


def test_a_float64_reference_tells_what_float32_cannot(folder: Path) -> None:
    """The float64 output of the file is not the float32 one in another type."""
    tensors = load_file(file_of(folder, "unet"))
    assert 0 < (tensors["outputs_fp64.y"] - tensors["outputs.y"].double()).abs().max() < 2e-5


def test_the_first_block_that_differs_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def disturb(tensors: Tensors) -> None:
        for name in ("input_blocks.1.2", "middle_block", "output_blocks.3"):
            tensors[f"trace.{name}"] += 1
        tensors["outputs.y"] += 1

    assert main([str(changed(file_of(folder, "unet"), disturb))]) == 1
    assert "first that differs: input_blocks.1.2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda tensors: tensors.pop("weights.out.2.bias"), "1 missing: out.2.bias"),
        (lambda tensors: tensors.update({"weights.odd": torch.ones(1)}), "1 unexpected: odd"),
        (lambda tensors: tensors.update({"weights.out.2.bias": torch.ones(3)}), "of another shape: out.2.bias (3,)"),
        (lambda tensors: tensors.update({"outputs.y": tensors["outputs.y"][0]}), "shape (1, 4, 3, 4, 4), not (4, 3, 4"),
        (lambda tensors: tensors.update({"outputs.z": torch.ones(1)}), "nothing computes this output"),
        (lambda tensors: tensors["outputs.y"].fill_(float("nan")), "not finite"),
    ],
)
def test_a_file_that_does_not_fit_fails_and_says_why(
    folder: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Tensors], object], told: str
) -> None:
    assert main([str(changed(file_of(folder, "unet"), change))]) == 1
    assert told in capsys.readouterr().out


def test_a_list_of_names_with_one_wrong_shape_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "keys_1024.json"
    listed = json.loads(path.read_text("utf-8"))
    listed["keys"]["scale_arr"]["shape"] = [1000]
    path.write_text(json.dumps(listed), "utf-8")
    assert main([str(path)]) == 1
    assert "1 of another shape: scale_arr (1400,), not (1000,)" in capsys.readouterr().out


def test_an_architecture_that_is_not_there_fails_by_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = json.dumps({**UNET.model_dump(), "use_relative_position": True})
    path = saved(folder, "unet_relative", {"outputs.y": torch.ones(1)}, config=config)
    assert main([str(path)]) == 1
    assert "use_relative_position" in capsys.readouterr().out


def test_a_broken_file_fails_and_the_others_are_still_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "ddim_broken.safetensors").write_bytes(b"nothing")
    assert main([str(folder.parent)]) == 1
    out = capsys.readouterr().out
    assert "cannot be read as safetensors" in out
    assert "ok   y" in out


def test_a_file_outside_its_folder_is_no_source_of_weights(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(folder, "ddim_x", {"inputs.fs": torch.ones(1)}, weights_from="../secret.safetensors", runs="{}")
    assert main([str(path)]) == 1
    assert "not a file beside it" in capsys.readouterr().out


def test_paths_that_say_nothing_known_are_wrong_usage(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "unett_small.safetensors").touch()
    assert main([str(folder / "unett_small.safetensors")]) == 4
    assert "did you mean 'unet'?" in capsys.readouterr().err
    elsewhere = folder.parent / "unet_small.safetensors"
    elsewhere.touch()
    assert main([str(elsewhere)]) == 4
    assert main([str(folder / "absent")]) == 4
    (folder.parent / "empty").mkdir()
    assert main([str(folder.parent / "empty")]) == 4
