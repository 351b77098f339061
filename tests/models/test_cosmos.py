"""Cosmos-Predict2: its noise levels and guidance are the pipeline's, and no clip is made past the guardrail."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from diffusers import Cosmos2VideoToWorldPipeline
from flow_steps import PROMPT, differences

from antibench.errors import UserError
from antibench.models import cosmos
from antibench.models.cosmos import Cosmos
from antibench.models.guardrail import PACKAGE, Guardrail
from antibench.models.specs_cosmos import CosmosPredict2
from antibench.pixels import to_float
from antibench.testing.tiny_cosmos import TinyCosmos


@dataclass(frozen=True)
class LocalCosmos(CosmosPredict2):
    """A tiny checkpoint through the loader of the real one."""

    steps: int = 2
    dtype: Any = "float32"

    size: ClassVar[tuple[int, int]] = TinyCosmos.size
    frames: ClassVar[int] = TinyCosmos.frames


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cosmos")
    TinyCosmos().load("cpu").pipe.save_pretrained(folder)
    return folder


class Checker:
    """Stands for NVIDIA's package: blots out a corner of each frame, as a pixelated face would be."""

    def __init__(self, *, caption: bool = True, clip: bool = True) -> None:
        self.caption, self.clip = caption, clip
        self.asked: list[Any] = []

    def to(self, device: Any) -> None:
        self.asked.append(str(device))

    def check_text_safety(self, prompt: str) -> bool:
        self.asked.append(prompt)
        return self.caption

    def check_video_safety(self, frames: np.ndarray) -> np.ndarray | None:
        self.asked.append((frames.shape, frames.dtype))
        changed = frames.copy()
        changed[:, :4, :4] = 255
        return changed if self.clip else None


def install(monkeypatch: pytest.MonkeyPatch, checker: Any) -> None:
    """Let the package be installed, its checker being `checker`, or an error that making one raises."""

    def made() -> Any:
        if isinstance(checker, Exception):
            raise checker
        return checker

    monkeypatch.setitem(sys.modules, PACKAGE, SimpleNamespace(CosmosSafetyChecker=made))


def photo() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (*TinyCosmos.size, 3), dtype=np.uint8)


def gradient(model: Cosmos) -> torch.Tensor:
    image = to_float(photo()).requires_grad_()
    clip = model.encode_clip(np.stack([photo()] * model.frames))
    noise = torch.randn(clip.shape, generator=torch.Generator().manual_seed(0))
    seen = model.denoise(image, PROMPT, clip_latents=clip, t=0.6, noise=noise, guided=True)
    (found,) = torch.autograd.grad(seen.loss, image)
    return found


def test_a_step_half_way_is_the_samplers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first step is nearly all noise; the second of three adds 2.5 times as much noise as the clip has variance."""
    prediction, latents = differences(TinyCosmos(settings={"steps": 3}).load("cpu"), photo(), monkeypatch, index=1)
    print(f"largest difference: prediction {prediction:.2g}, latents {latents:.2g}")
    assert prediction < 1e-4
    assert latents < 1e-4


def test_the_photos_frame_is_told_as_it_is_in_the_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A noise level of 0.0001 is too near none to tell the two apart, so the formula is held at 3."""
    monkeypatch.setattr(cosmos, "GIVEN_NOISE", 3.0)
    prediction, _ = differences(TinyCosmos().load("cpu"), photo(), monkeypatch)
    assert prediction < 1e-4


def test_what_the_pipeline_leaves_open_has_its_defaults() -> None:
    defaults = inspect.signature(Cosmos2VideoToWorldPipeline.__call__).parameters
    assert defaults["sigma_conditioning"].default == cosmos.GIVEN_NOISE
    assert defaults["max_sequence_length"].default == cosmos.TEXT_LENGTH
    spec = CosmosPredict2()
    told = {"num_inference_steps": spec.steps, "guidance_scale": spec.guidance, "num_frames": spec.frames}
    told |= {"height": spec.size[0], "width": spec.size[1], "fps": spec.fps}
    assert {name: defaults[name].default for name in told} == told


def test_levels_run_along_those_of_the_sampler() -> None:
    model = TinyCosmos(settings={"steps": 35}).load("cpu")
    model.generate(photo(), PROMPT, 0)
    levels = model.pipe.scheduler.sigmas[:35].double()
    assert levels[[0, -1]].tolist() == pytest.approx([80.0, 0.002], rel=1e-5)
    for index, level in enumerate(levels.tolist()):
        t = 1 - index / 34
        assert model.sigma(t) == pytest.approx(level / (1 + level), rel=1e-5)
        assert model.timestep(t) == model.sigma(t)


@pytest.mark.parametrize(("guidance", "scale"), [(7.0, 8.0), (1.5, 2.5), (1.0, 1.0), (0.0, 1.0)])
def test_guidance_starts_at_the_conditional_branch(guidance: float, scale: float) -> None:
    assert TinyCosmos(settings={"guidance_scale": guidance}).load("cpu")._scale(0.5) == scale


def test_another_schedule_is_refused() -> None:
    with pytest.raises(ValueError, match="tiny-cosmos needs a scheduler of the levels of Karras"):
        TinyCosmos(scheduler={"use_karras_sigmas": False}).load("cpu")


def test_a_surrogate_needs_no_guardrail_and_a_clip_does(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, PACKAGE, None)
    model: Any = LocalCosmos().load("cpu", saved)
    assert isinstance(model.pipe.safety_checker, Guardrail)
    assert gradient(model).any()
    with pytest.raises(UserError, match="no clip without NVIDIA's guardrail: `pip install cosmos_guardrail`"):
        model.generate(photo(), PROMPT, 0)


def test_the_guardrail_reads_the_caption_and_has_the_last_word_on_the_clip(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = TinyCosmos(settings={"steps": 2}).load("cpu").generate(photo(), PROMPT, 0)
    checker = Checker()
    install(monkeypatch, checker)
    model: Any = LocalCosmos().load("cpu", saved)
    assert checker.asked == []
    clip = model.generate(photo(), PROMPT, 0)
    assert checker.asked == ["cpu", PROMPT, "cpu", *["cpu"] * 3, (plain.shape, np.uint8), "cpu"]
    assert (clip[:, :4, :4] == 255).all()
    assert np.array_equal(clip[:, 4:], plain[:, 4:])


@pytest.mark.parametrize("refused", ["caption", "clip"])
def test_what_the_guardrail_refuses_is_an_error(refused: str, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, Checker(**{refused: False}))
    model: Any = LocalCosmos().load("cpu", saved)
    sampled: list[int] = []
    model.pipe.transformer.register_forward_hook(lambda *args: sampled.append(1))
    with pytest.raises(UserError, match=f"NVIDIA's guardrail refuses the {refused}"):
        model.generate(photo(), PROMPT, 0)
    assert bool(sampled) == (refused == "clip")


def test_a_guardrail_out_of_reach_is_told_in_one_line(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, OSError("no such repository\nand more"))
    model: Any = LocalCosmos().load("cpu", saved)
    with pytest.raises(UserError, match=r"weights of NVIDIA's guardrail cannot be loaded \(no such repository\)$"):
        model.generate(photo(), PROMPT, 0)


def test_a_caption_is_encoded_once() -> None:
    model = TinyCosmos().load("cpu")
    read: list[int] = []
    model.pipe.text_encoder.register_forward_hook(lambda *args: read.append(1))
    first = gradient(model)
    assert len(read) == 2  # the caption and the negative prompt
    assert torch.equal(gradient(model), first)
    model.generate(photo(), PROMPT, 0)
    assert len(read) == 2


def test_the_text_encoder_may_stay_in_the_hosts_memory(saved: Path) -> None:
    """Its place is the host's; `meta` stands for a GPU."""
    for low_memory in (False, True):
        pipe: Any = LocalCosmos(low_memory=low_memory).load("meta", saved).pipe  # type: ignore[attr-defined]
        places = {name: getattr(pipe, name).device.type for name in ("text_encoder", "transformer", "vae")}
        assert places == {"text_encoder": "cpu" if low_memory else "meta", "transformer": "meta", "vae": "meta"}
