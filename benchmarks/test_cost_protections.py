"""What a step of a protection costs against the guided forward and backward pass that none can do without."""

from __future__ import annotations

import pytest
import torch
from conftest import Ratio

from antibench.contracts import VideoModel
from antibench.pixels import to_float
from antibench.registry import PROTECTIONS
from antibench.testing.protection_contract import sample_context
from antibench.testing.purification_contract import sample_photo
from antibench.testing.tiny_svd import TinySVD

STEPS = 2


@pytest.fixture(scope="module")
def model() -> VideoModel:
    """Small, so that the machinery around it weighs more than it would around a real model."""
    return TinySVD().load("cpu")


def bare(model: VideoModel, steps: int) -> None:
    """As many guided passes and gradients as a protection of this many steps needs, with nothing around them."""
    context = sample_context(model)
    image = to_float(sample_photo(size=model.size)).requires_grad_()
    clips = [model.encode_clip(frames) for frames in context.references]
    for step in range(steps):
        noise = torch.randn(clips[0].shape, generator=context.generator)
        found = model.denoise(image, context.caption, clip_latents=clips[0], t=step / steps, noise=noise, guided=True)
        torch.autograd.grad(found.loss, image)


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("advdm", 1.4),  # one pass a step and nothing else
        ("mist", 1.6),  # and the encoder's distance to a pattern
        ("anti-i2v", 3.0),  # and the target's pass without gradient, the features' terms, CLIP and LPIPS's stand-ins
        ("sds", 1.4),
        ("vid-freeze", None),
        ("dormant", None),
        ("photoguard", None),
    ],
)
def test_steps_of(name: str, limit: float | None, ratio: Ratio, model: VideoModel) -> None:
    plugin = PROTECTIONS.create(name, {"steps": STEPS})
    missing = plugin.needs - {"references"} - model.gives
    if missing:
        pytest.skip(f"{name} needs {', '.join(sorted(missing))}")
    image = to_float(sample_photo(size=model.size))
    ratio(
        lambda: plugin.perturb(image, sample_context(model)),
        lambda: bare(model, STEPS),
        f"{STEPS} bare passes",
        rounds=3,
        limit=limit,
    )
