"""The loaders of the newer real checkpoints, on tiny checkpoints laid out as the hub's cache lays them out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from huggingface_hub import constants

from antibench.contracts import ModelCard
from antibench.models import specs_flow, specs_i2vgen_xl
from antibench.pixels import to_float
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
}


def cached(name: str, root: Path) -> type[Any]:
    """The spec of a real model, and in the cache a tiny checkpoint of it."""
    real, tiny = PAIRS[name]
    tiny().load("cpu").pipe.save_pretrained(root / f"models--org--{name}" / "snapshots" / REVISION)

    @dataclass(frozen=True)
    class Cached(real):  # type: ignore[misc, valid-type]
        steps: int = 2
        revision: str = REVISION

        card: ClassVar[ModelCard] = ModelCard("Tiny", repo_id=f"org/{name}", revision=REVISION)
        size: ClassVar[tuple[int, int]] = tiny.size
        frames: ClassVar[int] = tiny.frames

    return Cached


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", list(PAIRS))
def test_a_loaded_checkpoint_animates_and_passes_a_gradient(
    name: str, dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
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
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    model = cached("wan2.1", tmp_path)(shift=7.0).load("cpu")
    assert model.pipe.scheduler.config.flow_shift == 7.0
    assert model.sigma(0.5) == pytest.approx(7 / 8)
