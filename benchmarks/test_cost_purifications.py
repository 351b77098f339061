"""What each purification costs against a JPEG of the same photo."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import Ratio

from antibench.registry import PURIFICATIONS
from antibench.testing.purification_contract import sample_photo

SIDE = 64
JPEGS = 20
LIMITS = {"bit-depth": 0.5, "gaussian-blur": 1.0, "resize": 1.0, "median": 1.0, "webp": 5.0, "h264": 6.0}
"""Of those that are about as simple as JPEG is: one that takes much longer has gone wrong."""


@pytest.mark.parametrize("name", [entry.name for entry in PURIFICATIONS.entries()])
def test_purifying_with(name: str, ratio: Ratio) -> None:
    photo = sample_photo(size=(SIDE, SIDE))
    plugin, jpeg = PURIFICATIONS.create(name), PURIFICATIONS.create("jpeg")
    strength = plugin.grid[len(plugin.grid) // 2]

    def purify() -> None:
        plugin.apply(photo, strength=strength, rng=np.random.default_rng(0))

    try:
        purify()
    except Exception as error:  # weights that are not at hand
        pytest.skip(f"{type(error).__name__}: {error}")

    def jpegs() -> None:
        for _ in range(JPEGS):
            jpeg.apply(photo, strength=75, rng=np.random.default_rng(0))

    ratio(purify, jpegs, f"{JPEGS} JPEGs", rounds=3, limit=LIMITS.get(name))
