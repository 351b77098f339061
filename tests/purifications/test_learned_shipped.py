"""The learned purifications with the weights that are shipped: what they do to a perturbation of a rendered person."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from antibench.contracts import ImageU8
from antibench.pixels import frames_to_u8
from antibench.registry import PURIFICATIONS
from antibench.zoo.portraits import ClipFactory

NAMES = ["denoiser", "diffpure", "gridpure", "img2img", "impress", "noisy-upscaling", "sr-down-up", "vae-round-trip"]


@pytest.fixture(scope="module")
def person() -> ImageU8:
    frames, _ = ClipFactory(64, 1, torch.device("cpu"), offset=6_000_000).batch(0, 1, 1)
    photo: ImageU8 = frames_to_u8(frames[0, :1].float() / 255)[0]
    return photo


def apart(one: ImageU8, other: ImageU8) -> float:
    """Root of the mean squared difference, in levels."""
    return float(np.sqrt(np.mean((one.astype(np.float64) - other) ** 2)))


@pytest.mark.parametrize("name", NAMES)
def test_a_perturbation_is_made_smaller(name: str, person: ImageU8) -> None:
    """Random signs of 8 levels: the perturbed photo comes nearer to the clean one when both are purified alike."""
    signs = 8 * np.random.default_rng(0).choice([-1, 1], person.shape)
    perturbed = np.clip(person + signs, 0, 255).astype(np.uint8)
    plugin: Any = PURIFICATIONS.create(name)
    strength = plugin.grid[1]
    one, other = (plugin.apply(photo, strength=strength, rng=np.random.default_rng(1)) for photo in (person, perturbed))
    assert apart(one, other) < 0.8 * apart(person, perturbed)
    assert apart(one, person) < 40, "it is still the photo"
