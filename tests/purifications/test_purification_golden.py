"""Results of the purifications stay what they were: to the byte with the library versions that made the golden files.

Another version may round elsewhere, so it gets a quarter of a level on average; the last test shows that a changed
setting exceeds that.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from make_golden import GOLDEN, SETTINGS, backend_version, golden_path, purified

from antibench.contracts import ImageU8
from antibench.pixels import from_png

TOLERANCE_LEVELS = 0.25
MADE_WITH = json.loads((GOLDEN / "made_with.json").read_text())


def mean_levels(one: ImageU8, other: ImageU8) -> float:
    return float(np.abs(one.astype(np.int16) - other.astype(np.int16)).mean())


@pytest.mark.parametrize(("name", "params", "strength"), SETTINGS)
def test_golden(name: str, params: dict[str, str], strength: float) -> None:
    golden = from_png(golden_path(name, params, strength).read_bytes())
    result = purified(name, params, strength)
    if backend_version(name) == MADE_WITH[name]:
        assert np.array_equal(result, golden), f"{name} changed under the same {MADE_WITH[name]}"
    else:
        assert mean_levels(result, golden) <= TOLERANCE_LEVELS, (
            f"{name} differs between {MADE_WITH[name]} and {backend_version(name)}; see make_golden.py"
        )


@pytest.mark.parametrize(
    ("name", "params", "strength", "changed_params", "changed_strength"),
    [
        ("jpeg", {}, 75, {"subsampling": "4:4:4"}, 75),
        ("jpeg", {}, 75, {}, 74),
        ("resize", {}, 0.5, {"filter": "bilinear"}, 0.5),
        ("resize", {}, 0.5, {}, 0.48),
        ("gaussian-blur", {}, 1.0, {}, 1.1),
    ],
)
def test_a_changed_setting_exceeds_the_tolerance(
    name: str, params: dict[str, str], strength: float, changed_params: dict[str, str], changed_strength: float
) -> None:
    golden = from_png(golden_path(name, params, strength).read_bytes())
    assert mean_levels(purified(name, changed_params, changed_strength), golden) > TOLERANCE_LEVELS
