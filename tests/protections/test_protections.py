"""What each protection asks of its surrogate, and that its parameters change what is optimised."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from recorder import Recorder

from antibench.attacks.advdm import AdvDM
from antibench.attacks.anti_i2v import AntiI2V
from antibench.attacks.degenerate import Grey, MaxNoise, NoOp
from antibench.attacks.mist import Mist
from antibench.attacks.random_lowfreq import RandomLowFrequency
from antibench.attacks.random_sign import RandomSign
from antibench.budget import settle
from antibench.contracts import Protection, VideoModel
from antibench.errors import UserError
from antibench.pixels import to_float
from antibench.registry import PROTECTIONS
from antibench.testing.protection_contract import sample_context
from antibench.testing.purification_contract import sample_photo

STEPS = 3
PHOTO = to_float(sample_photo(size=(16, 16)))
ALL_OFF = {"lab": False, "dct": False, "irc": False, "ira": False, "aux": False}
ABLATION = [
    ALL_OFF,
    ALL_OFF | {"lab": True},
    ALL_OFF | {"lab": True, "dct": True},
    ALL_OFF | {"lab": True, "dct": True, "irc": True},
    ALL_OFF | {"lab": True, "dct": True, "irc": True, "ira": True},
    {},
]


def run(plugin: Protection, model: Any) -> torch.Tensor:
    return plugin.perturb(PHOTO, sample_context(model))


def recorded(plugin: Protection, model: VideoModel) -> Recorder:
    recorder = Recorder(model)
    run(plugin, recorder)
    return recorder


def test_a_step_is_one_pass(svd: VideoModel) -> None:
    for plugin in (AdvDM(steps=STEPS), Mist(steps=STEPS)):
        calls = recorded(plugin, svd).denoised
        assert len(calls) == STEPS
        assert all(call["grad"] and call["guided"] for call in calls)
        assert all(call["prompt"] == sample_context(svd).caption for call in calls)


def test_a_step_of_anti_i2v_is_one_pass_and_one_without_gradient_for_the_anchor(svd: VideoModel) -> None:
    calls = recorded(AntiI2V(steps=STEPS), svd).denoised
    assert [call["grad"] for call in calls] == [True, False] * STEPS
    assert all(torch.equal(call["image"], sample_context(svd).target_photo) for call in calls[1::2])


def test_references_are_encoded_once(svd: VideoModel) -> None:
    encoded: list[Any] = []

    class Counting(Recorder):
        def encode_clip(self, frames: Any) -> torch.Tensor:
            encoded.append(frames)
            latents: torch.Tensor = self.model.encode_clip(frames)
            return latents

    run(AdvDM(steps=STEPS), Counting(svd))
    assert len(encoded) == len(sample_context(svd).references)


def captured(model: VideoModel, **parts: Any) -> list[set[str]]:
    """Layers captured in the last pass with gradient."""
    calls = recorded(AntiI2V(steps=STEPS, **parts), model).denoised
    return [set(call["capture"]) for call in calls if call["grad"]]


def test_layers_are_captured_only_for_the_parts_that_read_them(svd: VideoModel) -> None:
    deep, late = set(svd.layers[-3:]), set(svd.layers[-math.ceil(len(svd.layers) / 10) :])
    assert captured(svd, irc=False, ira=False) == [set()] * STEPS
    assert captured(svd, irc=False) == [late] * STEPS
    first, *others = captured(svd, ira=False)
    assert first == set(svd.layers)
    assert all(layers > deep and len(layers) < len(svd.layers) for layers in others)


def test_encoders_run_only_for_the_parts_that_read_them(svd: VideoModel) -> None:
    assert not recorded(AntiI2V(steps=STEPS, ira=False, aux=False), svd).encoded
    anchor = [call for call in recorded(AntiI2V(steps=STEPS, aux=False), svd).encoded if call["grad"]]
    assert [set(call["capture"]) for call in anchor] == [set(svd.vae_layers)] * STEPS


def test_every_row_of_the_ablation_is_another_perturbation(svd: VideoModel) -> None:
    results = [run(AntiI2V(steps=4, **row), svd) for row in ABLATION]
    for index, one in enumerate(results):
        assert all(not torch.allclose(one, other, atol=1e-4) for other in results[:index])


def test_without_its_parts_anti_i2v_is_advdm(svd: VideoModel) -> None:
    # In so narrow a range, starting at its middle instead of at random makes no difference.
    bare, advdm = (
        run(plugin, svd)
        for plugin in (AntiI2V(steps=1, t_min=0.5, t_max=0.5001, **ALL_OFF), AdvDM(steps=1, t_min=0.5, t_max=0.5001))
    )
    assert float((bare == advdm).float().mean()) > 0.99


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (AdvDM(steps=STEPS), AdvDM(steps=STEPS, sign="-")),
        (AdvDM(steps=STEPS), AdvDM(steps=STEPS, guided=False)),
        (AdvDM(steps=STEPS), AdvDM(steps=STEPS, random_start=True)),
        (AdvDM(steps=STEPS), AdvDM(steps=STEPS, alpha=0.2)),
        (AdvDM(steps=STEPS), AdvDM(steps=STEPS, t_min=0.7)),
        (Mist(steps=STEPS), Mist(steps=STEPS, target="photo")),
        (Mist(steps=STEPS), Mist(steps=STEPS, diffusion_weight=1e4)),
        (AntiI2V(steps=STEPS), AntiI2V(steps=STEPS, lpips_of="photo")),
        (AntiI2V(steps=STEPS), AntiI2V(steps=STEPS, ab_per_level=0.25)),
        (AntiI2V(steps=STEPS), AntiI2V(steps=STEPS, dct_share=0.5)),
    ],
    ids=lambda plugin: "",
)
def test_each_parameter_changes_the_result(svd: VideoModel, one: Protection, other: Protection) -> None:
    assert not torch.equal(run(one, svd), run(other, svd))


def test_mist_with_a_huge_weight_is_advdm(svd: VideoModel) -> None:
    # What the video port's mean and 10^4 come to: the latent distance no longer decides a sign.
    nearly, advdm = (run(plugin, svd) for plugin in (Mist(steps=STEPS, diffusion_weight=1e9), AdvDM(steps=STEPS)))
    assert float((nearly == advdm).float().mean()) > 0.99


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: AdvDM(steps=-1), "steps"),
        (lambda: AdvDM(alpha=0.0), "alpha"),
        (lambda: Mist(t_min=0.5, t_max=0.5), "t_min and t_max"),
        (lambda: AntiI2V(t_max=1.5), "t_min and t_max"),
        (lambda: AntiI2V(ab_per_level=0.0), "CIE units"),
        (lambda: AntiI2V(dct_share=2.0), "DCT share"),
        (lambda: AntiI2V(lab="false"), "lab='false'"),
        (lambda: AntiI2V(auxiliary="none"), "auxiliary='none'"),
        (lambda: AdvDM(sign="plus"), "sign='plus'"),
        (lambda: AdvDM(steps=2.5), "steps=2.5"),
        (lambda: AdvDM(sampler_steps=0), "sampler_steps must be 1 or more"),
        (lambda: RandomLowFrequency(share=0.0), "share"),
    ],
)
def test_parameters_out_of_range_are_refused(make: Callable[[], Protection], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        make()


def test_the_registry_turns_a_refusal_into_one_line() -> None:
    with pytest.raises(UserError, match="refuses its parameters: steps must be 0 or more, not -3"):
        PROTECTIONS.create("advdm", {"steps": -3})


def test_anti_i2v_runs_on_a_transformer_without_image_tokens(cogvideox: VideoModel) -> None:
    result = run(AntiI2V(steps=2), cogvideox)
    assert 0 < (result - PHOTO).abs().max() <= 8 / 255 + 1e-6


def test_controls_spend_the_whole_budget_everywhere(svd: VideoModel) -> None:
    grey = np.full((33, 50, 3), 128, dtype=np.uint8)
    for plugin in (RandomSign(), RandomLowFrequency()):
        change = settle(plugin.perturb(to_float(grey), sample_context(svd)), grey, 8).image.astype(int) - 128
        assert set(np.unique(change)) == {-8, 8}
        assert abs(change.mean()) < 4


def test_low_frequency_noise_is_smoother_than_sign_noise(svd: VideoModel) -> None:
    grey = torch.full((1, 3, 64, 64), 0.5)
    context = sample_context(svd)
    kept = [
        float(torch.nn.functional.avg_pool2d(plugin.perturb(grey, context) - grey, 4).square().mean())
        for plugin in (RandomSign(), RandomLowFrequency())
    ]
    assert kept[1] > 5 * kept[0]


def test_degenerate_participants_propose_what_they_are_named_after(svd: VideoModel) -> None:
    context = sample_context(svd)
    assert torch.equal(NoOp().perturb(PHOTO, context), PHOTO)
    assert set(Grey().perturb(PHOTO, context).unique().tolist()) == {0.5}
    assert set(MaxNoise().perturb(PHOTO, context).unique().tolist()) == {0.0, 1.0}


def test_a_protection_needs_a_reference_clip(svd: VideoModel) -> None:
    with pytest.raises(ValueError, match="reference clip"):
        AdvDM(steps=1).perturb(PHOTO, replace(sample_context(svd), references=()))
