"""A PGD step costs little more than the forward and backward pass it cannot do without."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pytest
import torch

from antibench.attacks.advdm import AdvDM
from antibench.attacks.anti_i2v import AntiI2V
from antibench.contracts import VideoModel
from antibench.perturb.descent import SurrogateDescent
from antibench.pixels import to_float
from antibench.testing.protection_contract import sample_context
from antibench.testing.purification_contract import sample_photo
from antibench.testing.tiny_svd import TinySVD

ALLOWED = 1.3
STEPS = 8
ROUNDS = 7


@pytest.fixture(scope="module")
def model() -> VideoModel:
    """Small, so that the machinery around it weighs more than it would around a real model."""
    return TinySVD().load("cpu")


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def bare(model: VideoModel) -> None:
    """The same number of guided passes and gradients, with nothing around them."""
    context = sample_context(model)
    image = to_float(sample_photo(size=model.size)).requires_grad_()
    clips = [model.encode_clip(frames) for frames in context.references]
    for step in range(STEPS):
        noise = torch.randn(clips[0].shape, generator=context.generator)
        denoised = model.denoise(
            image, context.caption, clip_latents=clips[0], t=step / STEPS, noise=noise, guided=True
        )
        torch.autograd.grad(denoised.loss, image)


@pytest.mark.parametrize(
    "plugin",
    [AdvDM(steps=STEPS), AntiI2V(steps=STEPS, irc=False, ira=False, aux=False)],
    ids=["rgb", "lab and dct"],
)
def test_a_step_is_within_a_third_of_the_bare_passes(model: VideoModel, plugin: SurrogateDescent) -> None:
    image = to_float(sample_photo(size=model.size))
    ratios = []
    for _ in range(ROUNDS):
        # Side by side, so that a busy machine slows both.
        floor = seconds(lambda: bare(model))
        ratios.append(seconds(lambda: plugin.perturb(image, sample_context(model))) / floor)
    assert statistics.median(ratios) < ALLOWED, f"ratios {[round(ratio, 2) for ratio in ratios]}"
