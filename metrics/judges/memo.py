"""A bounded memory of what a network made of an image, so that all metrics of a process share the work."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from antibench.contracts import ImageU8
from antibench.pixels import digest

V = TypeVar("V")


class PixelMemo(Generic[V]):
    """Calls a function once per picture, whatever array holds it; forgets the least recently used beyond `size`."""

    def __init__(self, function: Callable[[ImageU8], V], size: int = 4096) -> None:
        self._function = function
        self._size = size
        self._known: OrderedDict[str, V] = OrderedDict()

    def __call__(self, image: ImageU8) -> V:
        """The function's value for an (H, W, 3) uint8 image."""
        key = digest(image)
        if key in self._known:
            self._known.move_to_end(key)
        else:
            self._known[key] = self._function(image)
            if len(self._known) > self._size:
                self._known.popitem(last=False)
        return self._known[key]
