"""The loaders of the newer real checkpoints, on tiny checkpoints laid out as the hub's cache lays them out, or in a
folder of the user's."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from torch import nn

from antibench.contracts import ModelCard
from antibench.errors import UserError
from antibench.local_weights import checked
from antibench.models import hunyuan_video, specs_cosmos, specs_flow, specs_i2vgen_xl
from antibench.models.guardrail import PACKAGE
from antibench.pixels import to_float
from antibench.testing.tiny_cosmos import NoGuardrail, TinyCosmos
from antibench.testing.tiny_hunyuan_video import TEMPLATE, TinyHunyuanVideo
from antibench.testing.tiny_i2vgen_xl import TinyI2VGenXL
from antibench.testing.tiny_ltx import TinyLTX
from antibench.testing.tiny_skyreels import TinySkyReels
from antibench.testing.tiny_wan import TinyWan21, TinyWan22A14B, TinyWan22TI2V

REVISION = "0123456789abcdef0123456789abcdef01234567"
PAIRS: dict[str, tuple[type[Any], type[Any]]] = {
    "i2vgen-xl": (specs_i2vgen_xl.I2VGenXLSpec, TinyI2VGenXL),
    "wan2.1": (specs_flow.Wan21, TinyWan21),
    "wan2.2-a14b": (specs_flow.Wan22A14B, TinyWan22A14B),
    "wan2.2-ti2v": (specs_flow.Wan22TI2V, TinyWan22TI2V),
    "ltx": (specs_flow.LTXVideo, TinyLTX),
    "skyreels": (specs_flow.SkyReelsV2, TinySkyReels),
    "hunyuan-video": (specs_flow.HunyuanVideoI2V, TinyHunyuanVideo),
    "cosmos": (specs_cosmos.CosmosPredict2, TinyCosmos),
}


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hub; for random weights no guardrail and, as their tokenizer knows letters alone, a template of letters."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setitem(sys.modules, PACKAGE, SimpleNamespace(CosmosSafetyChecker=NoGuardrail))
    monkeypatch.setattr(hunyuan_video, "DEFAULT_PROMPT_TEMPLATE", TEMPLATE)


def cached(name: str, root: Path) -> type[Any]:
    """The spec of a real model, and in the cache a tiny checkpoint of it."""
    real, tiny = PAIRS[name]
    pipeline(name).save_pretrained(snapshot(name, root))

    @dataclass(frozen=True)
    class Cached(real):  # type: ignore[misc, valid-type]
        steps: int = 2
        revision: str = REVISION

        card: ClassVar[ModelCard] = ModelCard("Tiny", repo_id=f"org/{name}", revision=REVISION)
        size: ClassVar[tuple[int, int]] = tiny.size
        frames: ClassVar[int] = tiny.frames

    return Cached


def pipeline(name: str) -> Any:
    """The tiny pipeline as it is saved."""
    tiny = PAIRS[name][1]()
    return tiny.pipeline("cpu") if isinstance(tiny, TinyHunyuanVideo) else tiny.load("cpu").pipe


def snapshot(name: str, root: Path) -> Path:
    """Where the cache has it."""
    return root / f"models--org--{name}" / "snapshots" / REVISION


def networks(pipe: Any) -> dict[str, nn.Module]:
    """The networks of a pipeline by name."""
    return {name: part for name, part in pipe.components.items() if isinstance(part, nn.Module)}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", list(PAIRS))
def test_a_loaded_checkpoint_animates_and_passes_a_gradient(
    name: str, dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    spec = cached(name, tmp_path)
    model = spec(dtype=dtype).load("cpu")
    photo = np.random.default_rng(0).integers(0, 256, (*model.size, 3), dtype=np.uint8)
    clip = model.generate(photo, "smile", 0)
    assert clip.shape == (spec.frames, *spec.size, 3)
    latents = model.encode_clip(clip)
    image = to_float(photo).requires_grad_()
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
    for t in (0.2, 0.95):  # the two sides of a boundary between transformers
        seen = model.denoise(
            image, "smile", clip_latents=latents, t=t, noise=noise, guided=True, capture=model.layers[-1:]
        )
        (gradient,) = torch.autograd.grad(seen.loss + seen.features[model.layers[-1]].float().square().mean(), image)
        assert torch.isfinite(gradient).all()
        assert gradient.any()
    tiny = PAIRS[name][1]().load("cpu")
    if dtype == "float32" and name != "i2vgen-xl":
        for one, other in zip(model.pipe.transformer.parameters(), tiny.pipe.transformer.parameters(), strict=True):
            assert torch.equal(one, other)
        assert model.pipe.transformer.is_gradient_checkpointing


def test_the_shift_is_that_of_the_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    model = cached("wan2.1", tmp_path)(shift=7.0).load("cpu")
    assert model.pipe.scheduler.config.flow_shift == 7.0
    assert model.sigma(0.5) == pytest.approx(7 / 8)


@pytest.mark.parametrize("name", list(PAIRS))
def test_a_folder_gives_every_network_as_it_was_saved_and_asks_for_no_commit(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "empty"))
    spec = cached(name, tmp_path)(dtype="float32", revision="")
    folder = checked(name, type(spec), snapshot(name, tmp_path))
    loaded, made = spec.load("cpu", folder), pipeline(name)
    assert networks(loaded.pipe).keys() == networks(made).keys()
    for part, network in networks(made).items():
        wanted, found = network.state_dict(), getattr(loaded.pipe, part).state_dict()
        assert found.keys() == wanted.keys(), part
        assert all(torch.equal(found[weight], wanted[weight]) for weight in wanted), part
    with pytest.raises(UserError, match="needs a commit"):
        spec.load("cpu")


@pytest.mark.parametrize("name", list(PAIRS))
def test_each_network_of_a_folder_has_to_be_whole(name: str, tmp_path: Path) -> None:
    spec = cached(name, tmp_path)(dtype="float32")
    folder = snapshot(name, tmp_path)
    files = sorted(folder.glob("*/*.safetensors"))
    assert {file.parent.name for file in files} == networks(pipeline(name)).keys()
    for file in files:
        whole = file.read_bytes()
        state = load_file(file)
        lost = sorted(state)[0]
        del state[lost]
        save_file(state, file, {"format": "pt"})
        told = f"^{file.parent.name} of the local weights of {spec.name} does not fit the model: 1 missing: "
        with pytest.raises(UserError, match=told):
            spec.load("cpu", folder)
        file.write_bytes(whole)
