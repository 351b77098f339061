"""The contract holds for tiny models of the real classes, and notices each way of breaking it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from antibench.contracts import Gives, ModelCard
from antibench.models.svd import SVD
from antibench.testing.model_contract import checks
from antibench.testing.tiny_cogvideox import SERIES_1_5, TinyCogVideoX
from antibench.testing.tiny_cogvideox_tokens import TinyCogVideoXTokens
from antibench.testing.tiny_dynamicrafter import NOISE_PREDICTING, TinyDynamiCrafter
from antibench.testing.tiny_opensora import TinyOpenSora
from antibench.testing.tiny_svd import TinySVD

CASES: list[tuple[type[Any], dict[str, Any]]] = [
    (TinySVD, {}),
    (TinySVD, {"clip": True}),
    (TinyCogVideoX, {}),
    (TinyCogVideoX, {"scheduler": "dpm", "transformer": SERIES_1_5, "vae": {"invert_scale_latents": True}}),
    (TinyCogVideoXTokens, {}),
    (TinyCogVideoXTokens, {"transformer": SERIES_1_5}),
    (TinyDynamiCrafter, {}),
    (TinyDynamiCrafter, {"diffusion": NOISE_PREDICTING, "settings": {"spacing": "uniform", "guidance_rescale": 0.0}}),
    (TinyOpenSora, {}),
]
IDS = [
    "svd-tokens",
    "svd-clip",
    "cogvideox",
    "cogvideox-1.5",
    "cogvideox-tokens",
    "cogvideox-tokens-1.5",
    "dynamicrafter",
    "dynamicrafter-256",
    "opensora",
]


@pytest.mark.parametrize(("spec", "params"), CASES, ids=IDS)
def test_tiny_models_keep_the_contract(spec: type[Any], params: dict[str, Any]) -> None:
    found = list(checks(spec, **params))
    assert [check for check in found if not check.ok] == []
    assert len(found) >= 19


class Broken(SVD):
    """Overrides chosen by name."""

    fault = ""

    def generate(self, image: Any, prompt: str, seed: int) -> Any:
        if self.fault == "seed":
            seed = 0
        if self.fault == "global":
            torch.rand(1)
        clip = super().generate(image, prompt, seed)
        return np.ascontiguousarray(clip[:-1]) if self.fault == "length" else clip

    def encode(self, image: Any, **options: Any) -> Any:
        seen = super().encode(image, **options)
        if self.fault == "detached":
            return type(seen)(seen.latents.detach(), seen.features, seen.tokens)
        return type(seen)(seen.latents, seen.features, None) if self.fault == "tokens" else seen

    def encode_still(self, image: Any) -> Any:
        still = super().encode_still(image)
        if self.fault == "unscaled":
            return still / self.pipe.vae.config.scaling_factor
        return still.detach() if self.fault == "still" else still

    def denoise(self, image: Any, prompt: str, **options: Any) -> Any:
        if self.fault == "guidance":
            options["guided"] = False
        if self.fault == "weights":
            self.pipe.unet.conv_out.bias.data += 1
        if self.fault == "hooks":
            self.pipe.unet.register_forward_hook(lambda *args: None)
        if self.fault == "noise":
            options["noise"] = options["noise"] + torch.rand(1)
        if self.fault == "encoded" and options.get("encoded") is not None:
            options["encoded"] = self.encode(1 - image)
        return super().denoise(image, prompt, **options)


@dataclass(frozen=True)
class BrokenSpec:
    """A tiny model with one fault."""

    fault: str = "none"
    settings: dict[str, Any] = field(default_factory=dict)

    name: ClassVar[str] = "broken"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = ModelCard("Broken", world="real", revision="main")
    size: ClassVar[tuple[int, int]] = TinySVD.size
    frames: ClassVar[int] = TinySVD.frames
    gives: ClassVar[frozenset[Gives]] = TinySVD.gives

    def load(self, device: str) -> SVD:
        whole = TinySVD().load(device)
        model = Broken(whole.pipe, whole.settings, self)
        model.fault = self.fault
        return model


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("seed", "same seed"),
        ("length", "declared length"),
        ("global", "global generators"),
        ("detached", "latents carry"),
        ("tokens", "image tokens"),
        ("guidance", "guidance moves"),
        ("weights", "leave the weights"),
        ("hooks", "no hook stays"),
        ("noise", "repeatable"),
        ("encoded", "handed over"),
        ("unscaled", "stands still"),
        ("still", "stands still"),
    ],
)
def test_a_fault_is_noticed(fault: str, rule: str) -> None:
    broken = next(check for check in checks(BrokenSpec, fault=fault) if rule in check.name)
    assert not broken.ok


def test_a_checkpoint_without_a_commit_is_the_only_fault_of_a_sound_model() -> None:
    failed = [check for check in checks(BrokenSpec) if not check.ok]
    assert [check.name for check in failed] == ["weights are pinned to a commit, or embedded"]


def test_a_model_that_cannot_be_loaded_is_one_failed_check() -> None:
    last = list(checks(TinySVD, settings={"no_such": 1}))[-1]
    assert (last.name, last.ok) == ("loads", False)
    assert "no_such" in last.detail
