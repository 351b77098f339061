"""Peak memory of one job: of the GPU where there is one, else of the process."""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path

import torch

_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


class PeakMemory:
    """Measures from its creation. On the CPU it is the resident memory of the whole worker, libraries included."""

    def __init__(self, device: str) -> None:
        self._cuda = device.startswith("cuda")
        self._device = device
        if self._cuda:
            torch.cuda.reset_peak_memory_stats(device)
        else:
            _reset_resident_peak()

    def mib(self) -> float:
        """Peak so far in MiB."""
        if self._cuda:
            return float(torch.cuda.max_memory_allocated(self._device)) / 2**20
        return _resident_peak_kib() / 1024


def _reset_resident_peak() -> None:
    with contextlib.suppress(OSError):  # elsewhere the mark is that of the process's life, an upper bound
        _CLEAR_REFS.write_text("5")  # Linux: start a new high-water mark


def _resident_peak_kib() -> float:
    try:
        lines = _STATUS.read_text().splitlines()
        return float(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    except (OSError, StopIteration):
        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
