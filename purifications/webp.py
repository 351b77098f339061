"""WebP compression."""

from __future__ import annotations

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
class WebP:
    """Strength is the quality of lossy WebP, a whole number from 0 to 100; chroma is always halved."""

    name: ClassVar[str] = "webp"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="WebP, lossy, quality",
        source="RFC 9649; the lossy format is VP8, RFC 6386",
        licence="MIT-CMU (Pillow), BSD-3-Clause (libwebp)",
        notes="Encoder effort (method) 4, libwebp's default.",
    )
    grid: ClassVar[tuple[float, ...]] = (90, 75, 50)
    stochastic: ClassVar[bool] = False
    backend: ClassVar[str] = f"pillow Image.save, libwebp {features.version('webp')}"

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        """Encode and decode an (H, W, 3) uint8 image."""
        quality, file = whole("webp", strength, "a quality", 0, 100), io.BytesIO()
        Image.fromarray(image).save(file, "WEBP", quality=quality, method=4)
        return cast(ImageU8, np.array(Image.open(file).convert("RGB")))

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        """The codec itself; the gradient is that of JPEG half way to quality 100: (1, 3, H, W) -> (1, 3, H, W)."""
        return straight_through(
            image,
            lambda photo: self.apply(photo, strength=strength, rng=np.random.default_rng(0)),
            lambda smooth: jpeg_twin(smooth, quality=50 + int(strength) // 2, halve_chroma=True),
        )
