"""Keys: independent of spelling, sensitive to content, the same for ever."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antibench.keys import canonical_json, cell_id, job_key, rng_seed

NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | NUMBERS | st.text(max_size=8)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
)


def shuffled(value: Any) -> Any:
    """The same JSON written otherwise: dicts backwards, lists as tuples, whole numbers as floats."""
    if isinstance(value, dict):
        return {key: shuffled(item) for key, item in reversed(value.items())}
    if isinstance(value, list):
        return tuple(shuffled(item) for item in value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53:
        return float(value)
    return value


@given(VALUES)
def test_key_ignores_order_and_spelling(value: Any) -> None:
    assert job_key("protect", params=value) == job_key("protect", params=shuffled(value))


@given(VALUES)
def test_key_survives_json(value: Any) -> None:
    assert job_key("protect", params=value) == job_key("protect", params=json.loads(json.dumps(value)))


@given(VALUES, VALUES)
def test_different_values_have_different_keys(one: Any, other: Any) -> None:
    same = canonical_json(one) == canonical_json(other)
    assert (job_key("purify", params=one) == job_key("purify", params=other)) == same


def test_true_is_not_one() -> None:
    assert canonical_json([True, 1]) == "[true,1]"


def test_stage_counts() -> None:
    assert job_key("protect", image="a") != job_key("purify", image="a")


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), {"a": [-float("inf")]}])
def test_numbers_that_are_not_finite_are_refused(bad: Any) -> None:
    with pytest.raises(ValueError, match="cannot be part of a key"):
        job_key("protect", params=bad)


def test_dict_keys_must_be_strings() -> None:
    with pytest.raises(ValueError, match="strings"):
        canonical_json({1: "a"})


def test_golden() -> None:
    """Keys are promised to be the same on every machine and in every release of this key schema."""
    assert canonical_json({"b": [1.0, 0.25], "a": None}) == '{"a":null,"b":[1,0.25]}'
    assert cell_id({"case": "a", "budget": 8}) == "1ab925056212313d"
    key = job_key("purify", plugin="p", strength=75.0, image="i")
    assert key == "611fc8d52b1acebcc2edacc6e345f90b12d5774c3eacaa198670ddfcf7b94cfc"
    assert rng_seed(key) == 5555120515561138563


@given(st.text(alphabet="0123456789abcdef", min_size=64, max_size=64))
def test_seeds_fit_every_generator(key: str) -> None:
    assert 0 <= rng_seed(key) < 2**63
