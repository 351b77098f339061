"""JPEG compression."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import ClassVar, Literal, cast

import numpy as np
import torch
from PIL import Image, features

from antibench.contracts import Card, ImageU8

from ._jpeg_twin import jpeg_twin


@dataclass(frozen=True)
class Jpeg:
    """Strength is the libjpeg quality, a whole number from 1 to 100."""

    subsampling: Literal["4:2:0", "4:4:4"] = "4:2:0"
    name: ClassVar[str] = "jpeg"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(title="JPEG, libjpeg quality, 4:2:0 or 4:4:4", source="ITU-T T.81", licence="MIT-CMU")
    grid: ClassVar[tuple[float, ...]] = (90, 75, 50, 30)
    stochastic: ClassVar[bool] = False
    backend: ClassVar[str] = f"pillow Image.save, libjpeg-turbo {features.version('libjpeg_turbo')}"

    def __post_init__(self) -> None:
        if self.subsampling not in ("4:2:0", "4:4:4"):
            raise ValueError(f'subsampling must be "4:2:0" or "4:4:4", got {self.subsampling!r}')

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        """Encode and decode an (H, W, 3) uint8 image."""
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=_quality(strength), subsampling=self.subsampling)
        return cast(ImageU8, np.array(Image.open(file)))

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        """The same codec in torch, (1, 3, H, W) -> (1, 3, H, W); rounding passes a smooth gradient."""
        return jpeg_twin(image, quality=_quality(strength), halve_chroma=self.subsampling == "4:2:0")


def _quality(strength: float) -> int:
    if strength not in range(1, 101):
        raise ValueError(f"jpeg strength is a whole quality from 1 to 100, got {strength}")
    return int(strength)
