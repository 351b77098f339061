"""The images and clips a worker read last: many views in a row share a photo or the clean video."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

LIMIT_BYTES = 128 * 2**20

Pixels = npt.NDArray[np.uint8]


class Recent:
    """Decoded pixels by key, the least recently used forgotten first."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._kept: OrderedDict[str, Pixels] = OrderedDict()
        self._bytes = 0

    def get(self, key: str, read: Callable[[str], Pixels]) -> Pixels:
        """What `read` made of the key; a copy, as whoever gets it may write into it."""
        if key not in self._kept:
            self._keep(key, read(key))
        self._kept.move_to_end(key)
        return self._kept[key].copy()

    def _keep(self, key: str, pixels: Pixels) -> None:
        self._kept[key] = pixels
        self._bytes += pixels.nbytes
        while self._bytes > self._limit and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
