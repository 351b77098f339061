"""Strengths that are out of range, refused in one wording: name, meaning, range and what was given."""

from __future__ import annotations


def whole(name: str, strength: float, meaning: str, lowest: int, highest: int) -> int:
    """The strength as a whole number, both ends allowed.

    Raises:
        ValueError: if it is not whole or lies outside.
    """
    if strength not in range(lowest, highest + 1):
        raise ValueError(f"{name} strength is {meaning}, a whole number from {lowest} to {highest}, got {strength}")
    return int(strength)


def between(name: str, strength: float, meaning: str, above: float, highest: float) -> float:
    """The strength, if it is more than `above` and at most `highest`.

    Raises:
        ValueError: if it is not; NaN never is.
    """
    if not above < strength <= highest:
        raise ValueError(f"{name} strength is {meaning}, above {above:g} and up to {highest:g}, got {strength}")
    return float(strength)
