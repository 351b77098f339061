"""Keys: what identifies a job, a cell or a suite, the same on every machine."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

KEY_SCHEMA = 1
"""Part of every key; raised when the meaning of a key changes, so that old results are not taken for new ones."""


def canonical_json(value: Any) -> str:
    """JSON that does not depend on the order of a dict, on tuple or list, or on how a number was spelt (8 or 8.0).

    Raises:
        ValueError: for a number that is not finite or a dict key that is not a string.
        TypeError: for anything that is not JSON.
    """
    return _ENCODER.encode(_plain(value))


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
"""Made once: a plan encodes hundreds of thousands of small dicts."""


_AS_IS = frozenset({str, int, bool, type(None)})
"""Most of what is in keys, and plain already: a call for each would take a third of the time of a plan."""


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} cannot be part of a key")
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        plain = {}
        for name, item in value.items():
            if not isinstance(name, str):
                raise ValueError("a dict in a key must have strings as keys")
            plain[name] = item if type(item) in _AS_IS else _plain(item)
        return plain
    if isinstance(value, list | tuple):
        return [item if type(item) in _AS_IS else _plain(item) for item in value]
    return value


def sha256_of(value: Any) -> str:
    """SHA-256 of the canonical JSON, 64 hex digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def job_key(stage: str, **parts: Any) -> str:
    """Key of a job: its stage and everything that its result depends on."""
    return sha256_of({"schema": KEY_SCHEMA, "stage": stage, **parts})


def cell_id(identity: dict[str, Any]) -> str:
    """First 16 hex digits of a cell's hash."""
    return sha256_of({"schema": KEY_SCHEMA, "stage": "cell", **identity})[:16]


def rng_seed(key: str) -> int:
    """The seed of a job's random numbers, in [0, 2^63)."""
    digest = hashlib.sha256(f"{key}|rng".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
