"""How numbers and names are written: two decimals, a dash for what could not be computed, no control characters."""

from __future__ import annotations

DASH = "-"


def number(value: float | None, digits: int = 2) -> str:
    """A number with fixed decimals, never "-0.00"."""
    return DASH if value is None else f"{round(value, digits) + 0.0:.{digits}f}"


def printable(text: str) -> str:
    """Text in which control characters are shown as escapes, so that no label can steer a terminal."""
    return "".join(item if item.isprintable() else repr(item)[1:-1] for item in text)


def band(low: float | None, high: float | None) -> str:
    """``[low, high]``."""
    return "unknown" if low is None or high is None else f"[{number(low)}, {number(high)}]"


def with_interval(value: float | None, low: float | None, high: float | None) -> str:
    """``0.42 [0.31, 0.52]``; the number alone if it has no interval."""
    return number(value) if low is None or value is None else f"{number(value)} {band(low, high)}"


def plus_minus(value: float | None, high: float | None) -> str:
    """``0.42 ± 0.10``: intervals are symmetric, and this form leaves room in a table."""
    return number(value) if high is None or value is None else f"{number(value)} ± {number(high - value)}"


def share(value: float | None) -> str:
    """A share as a percentage."""
    return DASH if value is None else f"{100 * value:.0f}%"


def share_plus_minus(value: float | None, high: float | None) -> str:
    """``23% ± 12%``."""
    return share(value) if high is None or value is None else f"{share(value)} ± {share(high - value)}"


def pair(clean: float | None, protected: float | None) -> str:
    """``clean → protected`` of a raw mean."""
    return f"{number(clean)} → {number(protected)}" if protected is not None else DASH
