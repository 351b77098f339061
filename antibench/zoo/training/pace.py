"""How fast a training goes, and how long it still takes."""

from __future__ import annotations


class Pace:
    """Measures from one question to the next, so that compilation, before the first, does not count."""

    def __init__(self) -> None:
        self._step = -1
        self._at = 0.0

    def told(self, step: int, total: int, elapsed: float) -> str:
        """``12.3 steps/s, 4.5 min left``; empty the first time, when nothing is measured yet.

        Args:
            step: Steps taken.
            total: Steps to take in all.
            elapsed: Seconds of this run.
        """
        steps, seconds = step - self._step, elapsed - self._at
        first = self._step < 0
        self._step, self._at = step, elapsed
        if first or steps <= 0 or seconds <= 0:
            return ""
        pace = steps / seconds
        return f"{pace:.1f} steps/s, {(total - step) / pace / 60:.1f} min left"
