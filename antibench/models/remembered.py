"""Text that was encoded a moment ago: every step of a protection reads the same caption."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

Result = TypeVar("Result")

CAPTIONS = 8
"""How many encodings are kept: one photo's captions for both branches of guidance, and a few neighbours'."""


def remembered(encode: Callable[..., Result]) -> Callable[..., Result]:
    """`encode`, run once for arguments that come again. They must be hashable, and its weights must not change."""
    return lru_cache(maxsize=CAPTIONS)(encode)
