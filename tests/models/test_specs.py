"""The registered models: facts that planning reads, and the embedded ones put together."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from antibench.contracts import LocalSpec
from antibench.errors import UserError
from antibench.models import small, specs, specs_cosmos, specs_flow, specs_i2vgen_xl
from antibench.models.dynamicrafter import specs as dynamicrafter
from antibench.models.opensora.specs import OpenSora12, OpenSoraSmall, OpenSoraSmallHoldout
from antibench.pixels import to_float
from antibench.registry import MODELS
from antibench.zoo import assemble
from antibench.zoo.networks import PhotoEncoder
from antibench.zoo.recipes import RECIPES

SMALL: list[type[Any]] = [
    specs.CogVideoXSmall,
    specs.CogVideoXTokensSmall,
    specs.CogVideoXTokensSmallHoldout,
    dynamicrafter.DynamiCrafterSmall,
    dynamicrafter.DynamiCrafterSmallHoldout,
    OpenSoraSmall,
    OpenSoraSmallHoldout,
]
REAL: list[type[Any]] = [
    specs.SVDXT,
    specs.CogVideoX5BI2V,
    specs.CogVideoX15I2V,
    specs_i2vgen_xl.I2VGenXLSpec,
    specs_flow.Wan21,
    specs_flow.Wan22A14B,
    specs_flow.Wan22TI2V,
    specs_flow.LTXVideo,
    specs_cosmos.CosmosPredict2,
    dynamicrafter.DynamiCrafter512,
    dynamicrafter.DynamiCrafter1024,
    dynamicrafter.DynamiCrafter256,
]
UNPINNED: list[type[Any]] = [specs_flow.SkyReelsV2, specs_flow.HunyuanVideoI2V]


@pytest.mark.parametrize("spec", [*SMALL, *REAL, *UNPINNED, OpenSora12])
def test_registered_under_its_own_name(spec: type[Any]) -> None:
    assert MODELS.load(f"{spec.name}@{spec.version}") is spec


@pytest.mark.parametrize(
    "module", ["specs", "specs_flow", "specs_cosmos", "specs_i2vgen_xl", "dynamicrafter.specs", "opensora.specs"]
)
def test_planning_imports_no_torch(module: str) -> None:
    code = f"import sys, antibench.models.{module}; sys.exit('torch' in sys.modules or 'diffusers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("spec", [*REAL, *UNPINNED, OpenSora12])
def test_real_models_take_local_weights_and_know_what_they_need(spec: type[Any]) -> None:
    assert isinstance(spec(), LocalSpec)
    assert spec.card.weights_gb > spec.card.text_gb >= 0


@pytest.mark.parametrize("spec", SMALL)
def test_embedded_models_take_no_other_weights(spec: type[Any]) -> None:
    assert not isinstance(spec(), LocalSpec)


@pytest.mark.parametrize("spec", REAL)
def test_real_models_are_pinned(spec: type[Any]) -> None:
    assert len(spec.card.revision) == 40
    assert spec().revision == spec.card.revision
    assert spec.card.licence
    assert spec.card.citation


@pytest.mark.parametrize("spec", UNPINNED)
def test_a_model_without_a_known_commit_says_so_and_loads_none_of_its_own_choice(spec: type[Any]) -> None:
    assert spec.card.revision == spec().revision == ""
    assert "revision" in spec.card.notes
    for revision in ("", "main"):
        with pytest.raises(UserError, match=r"needs a commit: set .* parameter revision to its 40 hex digits"):
            spec(revision=revision).load("cpu")


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ({"model": "cogvideox-small@4", "gate": "passed"}, "passed"),
        ({"model": "cogvideox-small@4", "gate": "failed"}, "failed"),
        ({"model": "cogvideox-small@3", "gate": "passed"}, "unmeasured"),
        ({"gate": "passed"}, "unmeasured"),
        ({}, "unmeasured"),
        (None, "unmeasured"),
    ],
)
def test_the_gate_is_read_from_the_card_of_these_very_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, card: dict[str, str] | None, expected: str
) -> None:
    folder = tmp_path / "weights" / "cogvideox-small"
    folder.mkdir(parents=True)
    if card is not None:
        (folder / "card.json").write_text(json.dumps(card))
    monkeypatch.setattr(specs, "files", lambda package: tmp_path)
    assert specs._gate("cogvideox-small", 4) == expected


def untrained(name: str, device: str) -> dict[str, Any]:
    """The parts of a small model as its recipe makes them, before training."""
    recipe = RECIPES[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        vae, denoiser = assemble.build_vae(recipe), assemble.build_denoiser(recipe)
        condition: Any = assemble.build_condition(recipe)
    if isinstance(condition, PhotoEncoder):
        condition.attach_backbone()
    if recipe.family == "dynamicrafter":  # fresh, it answers zero whatever it is shown
        for parameter in denoiser.parameters():
            torch.nn.init.normal_(parameter, std=0.05, generator=torch.Generator().manual_seed(0))
    names = assemble.PART_NAMES[recipe.family]
    scheduler = assemble.build_scheduler(recipe)
    return {"vae": vae, names[0]: denoiser, names[1]: condition, "scheduler": scheduler}


@pytest.mark.parametrize("spec", SMALL)
def test_recipes_fit_the_adapters(spec: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small, "load_components", untrained)
    model = spec(steps=1).load("cpu")
    photo = np.random.default_rng(0).integers(0, 256, (*spec.size, 3), dtype=np.uint8)
    clip = model.generate(photo, "", 0)
    assert clip.shape == (spec.frames, *spec.size, 3)
    latents = model.encode_clip(clip)
    image = to_float(photo).requires_grad_()
    seen = model.denoise(image, "", clip_latents=latents, t=0.5, noise=torch.zeros_like(latents), guided=True)
    (gradient,) = torch.autograd.grad(seen.loss, image)
    assert gradient.any()
    assert ("image_tokens" in spec.gives) == (model.encode(image).tokens is not None)


def test_missing_weights_are_said_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(assemble, "files", lambda package: tmp_path)
    with pytest.raises(UserError, match="cogvideox-small has no weights here"):
        specs.CogVideoXSmall().load("cpu")
