"""Strengths: what is out of range is refused by name, and along a grid a portrait is damaged more and more."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from real_photos import portrait, rms

from antibench.contracts import ImageU8, Purification
from antibench.pixels import to_float
from antibench.registry import PURIFICATIONS

# name, range as the error tells it, strengths outside
REFUSED: list[tuple[str, str, tuple[float, ...]]] = [
    ("webp", "a whole number from 0 to 100", (-1, 101, 74.5)),
    ("avif", "a whole number from 0 to 100", (-1, 101, 74.5)),
    ("h264", "a whole number from 1 to 51", (0, 52, 23.5)),
    ("median", "an odd number from 3 to 31", (1, 4, 33, 3.5)),
    ("bilateral", "above 0 and up to 765", (0, -3, 766)),
    ("adverse-cleaner", "a whole number from 1 to 1024", (0, 1025, 1.5)),
    ("crop-resize", "above 0 and up to 1", (0, -0.5, 1.1)),
    ("gaussian-noise", "above 0 and up to 1", (0, -0.1, 1.1)),
    ("bit-depth", "a whole number from 1 to 7", (0, 8, 2.5)),
    ("tvm", "above 0 and up to 1", (0, -0.03, 1.5)),
    ("social-media", "a whole number from 1 to 3", (0, 4, 1.5)),
    ("screenshot", "a whole number from 1 to 3", (0, 4, 1.5)),
    ("print-scan", "a whole number from 1 to 3", (0, 4, 1.5)),
]
ENDS = {
    "webp": (0, 100),
    "avif": (0, 100),
    "h264": (1, 51),
    "median": (3, 31),
    "bilateral": (1e-3, 765),
    "crop-resize": (1e-3, 1),
    "gaussian-noise": (1e-3, 1),
    "bit-depth": (7, 1),
    "tvm": (1e-3, 1),
}
NAMES = [name for name, _, _ in REFUSED]


@pytest.mark.parametrize(("name", "told", "strengths"), REFUSED)
def test_a_strength_out_of_range_is_refused_by_name(name: str, told: str, strengths: tuple[float, ...]) -> None:
    plugin: Purification = PURIFICATIONS.create(name)
    for strength in (*strengths, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"{name} strength .*{told}, got {strength}"):
            plugin.apply(portrait(), strength=strength, rng=np.random.default_rng(0))
        with pytest.raises(ValueError, match=f"{name} strength .*{told}, got {strength}"):
            plugin.twin(to_float(portrait()), strength=strength, generator=torch.Generator())


@pytest.mark.parametrize("name", ENDS)
def test_the_ends_of_the_range_work_on_any_photo(name: str) -> None:
    """One pixel, a row, a column, black and white next to each other; the gentlest end changes a portrait little."""
    plugin: Purification = PURIFICATIONS.create(name)
    checks = (255 * (np.indices((7, 9)).sum(axis=0) % 2))[..., None].repeat(3, axis=2).astype(np.uint8)
    photos: list[ImageU8] = [checks, checks[:1, :1], checks[:1], checks[:, :1]]
    for strength in ENDS[name]:
        for photo in photos:
            found = plugin.apply(photo, strength=strength, rng=np.random.default_rng(0))
            assert found.shape == photo.shape
            twin = plugin.twin(to_float(photo), strength=strength, generator=torch.Generator())
            assert twin is not None
            assert bool(twin.isfinite().all())


@pytest.mark.parametrize("name", NAMES)
def test_a_portrait_is_damaged_more_along_the_grid(name: str) -> None:
    plugin: Purification = PURIFICATIONS.create(name)
    damage = []
    for strength in plugin.grid:
        found = [plugin.apply(portrait(i), strength=strength, rng=np.random.default_rng(i)) for i in range(3)]
        damage.append(np.mean([rms(photo, portrait(i)) for i, photo in enumerate(found)]))
    assert damage[0] > 1
    assert all(weak * 1.02 < strong for weak, strong in pairwise(damage)), damage
