"""A video codec: the photo as a still clip of eight frames, of which one is taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import av
import numpy as np
import torch

from antibench.contracts import Card, ImageU8

from ._jpeg_twin import jpeg_twin
from ._straight_through import straight_through
from ._strength import whole
from ._x264 import decoded, encoded


@dataclass(frozen=True)
class H264:
    """Strength is x264's constant rate factor, a whole number from 1 to 51; larger is coarser."""

    name: ClassVar[str] = "h264"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="H.264 as a still clip, constant rate factor, 4:2:0",
        source="ITU-T H.264; encoder x264, preset medium",
        licence="BSD-3-Clause (PyAV); x264, inside its wheels, is GPL-2.0-or-later",
        notes="8 equal frames at 8 per second, of which frame 4 (counted from 0; a P frame) is taken; yuv420p, BT.601, "
        "limited range. x264 repeats a still picture all but unchanged, so this is what its first frame is. Odd sides "
        "are made even by repeating the last row or column, which is cut off again. PyAV's wheels have x264.",
    )
    grid: ClassVar[tuple[float, ...]] = (23, 28, 35)
    stochastic: ClassVar[bool] = False
    backend: ClassVar[str] = f"av libx264, libavcodec {'.'.join(map(str, av.library_versions['libavcodec']))}"

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        """Encode and decode an (H, W, 3) uint8 image."""
        rate_factor = whole("h264", strength, "a constant rate factor", 1, 51)
        height, width = image.shape[:2]
        even = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        return np.ascontiguousarray(decoded(encoded(even, rate_factor))[:height, :width])

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        """The codec itself; the gradient is that of JPEG at quality 75: (1, 3, H, W) -> (1, 3, H, W)."""
        return straight_through(
            image,
            lambda photo: self.apply(photo, strength=strength, rng=np.random.default_rng(0)),
            lambda smooth: jpeg_twin(smooth, quality=75, halve_chroma=True),
        )
