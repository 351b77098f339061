"""The memory a run took: the peak of every process added up, kept in the run's folder as it grows."""

from __future__ import annotations

import json
from pathlib import Path

from antibench.run_folder import RunFolder

FILE = "memory.json"
STEP = 1.02
"""Growth between two writes while the run goes on."""


class RunMemory:
    """Keeps the highest figure, of earlier sessions of the run too."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._written = self._peak_mib = read_peak_mib(folder.path) or 0.0

    def note(self, mib: float) -> None:
        """Take note of what the processes took so far."""
        self._peak_mib = max(self._peak_mib, mib)
        if self._peak_mib > STEP * self._written:
            self.write()

    def write(self) -> None:
        """Write the file."""
        self._written = self._peak_mib
        self._folder.write_json(FILE, {"peak_mib": round(self._peak_mib, 1)})


def read_peak_mib(run: Path) -> float | None:
    """The peak of a run, finished or not, in MiB; None if it was not recorded."""
    try:
        return float(json.loads((run / FILE).read_bytes())["peak_mib"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
