"""AVIF compression."""

from __future__ import annotations

import importlib
import importlib.util
import io
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
import torch
from PIL import Image, features

from antibench.contracts import Card, ImageU8

from ._jpeg_twin import jpeg_twin
from ._straight_through import straight_through
from ._strength import whole


@dataclass(frozen=True)
class Avif:
    """Strength is libavif's quality, a whole number from 0 to 100; chroma is halved."""

    name: ClassVar[str] = "avif"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="AVIF, libavif quality, 4:2:0",
        source="AV1 Image File Format (AOMedia)",
        licence="MIT-CMU (Pillow), BSD-2-Clause (libavif, libaom)",
        notes="Encoder speed 6, Pillow's default. Wheels of Pillow have it from 11.3; else install pillow-avif-plugin.",
    )
    grid: ClassVar[tuple[float, ...]] = (90, 75, 50)
    stochastic: ClassVar[bool] = False
    backend: ClassVar[str] = f"pillow Image.save, libavif {features.version('avif')}"

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        """Encode and decode an (H, W, 3) uint8 image.

        Raises:
            RuntimeError: if neither Pillow nor a plugin has AVIF.
        """
        quality, file = whole("avif", strength, "a quality", 0, 100), io.BytesIO()
        _need_avif()
        Image.fromarray(image).save(file, "AVIF", quality=quality, subsampling="4:2:0", speed=6, max_threads=1)
        return cast(ImageU8, np.array(Image.open(file).convert("RGB")))

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        """The codec itself; the gradient is that of JPEG half way to quality 100: (1, 3, H, W) -> (1, 3, H, W)."""
        return straight_through(
            image,
            lambda photo: self.apply(photo, strength=strength, rng=np.random.default_rng(0)),
            lambda smooth: jpeg_twin(smooth, quality=50 + int(strength) // 2, halve_chroma=True),
        )


def _need_avif() -> None:
    if features.check("avif"):
        return
    if importlib.util.find_spec("pillow_avif") is None:
        raise RuntimeError(
            "avif needs a Pillow built with AVIF (wheels from 11.3 are) or pip install pillow-avif-plugin"
        )
    importlib.import_module("pillow_avif")  # registers itself with Pillow
