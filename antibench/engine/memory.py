"""Peak memory of one job, of the GPU where there is one, else of the process; and of the process all its life."""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path

_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_highest_kib = 0.0
"""Highest of the marks that were reset: what belongs to the whole process outlives any object in it."""


class PeakMemory:
    """Measures from its creation. On the CPU it is the resident memory of the whole worker, libraries included."""

    def __init__(self, device: str) -> None:
        self._cuda = device.startswith("cuda")
        self._device = device
        if self._cuda:
            import torch

            torch.cuda.reset_peak_memory_stats(device)
        else:
            _reset_resident_peak()

    def mib(self) -> float:
        """Peak so far in MiB."""
        if self._cuda:
            import torch

            return float(torch.cuda.max_memory_allocated(self._device)) / 2**20
        return _resident_peak_kib() / 1024


def process_peak_mib() -> float:
    """Peak resident memory of this process since it began, in MiB."""
    return max(_highest_kib, _resident_peak_kib()) / 1024


def _reset_resident_peak() -> None:
    global _highest_kib
    _highest_kib = max(_highest_kib, _resident_peak_kib())
    with contextlib.suppress(OSError):  # elsewhere the mark is that of the process's life, an upper bound
        _CLEAR_REFS.write_text("5")  # Linux: start a new high-water mark


def _resident_peak_kib() -> float:
    try:
        lines = _STATUS.read_text().splitlines()
        return float(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    except (OSError, StopIteration):
        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
