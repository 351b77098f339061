"""A screenshot of the photo, and a photo of the screen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from PIL import Image, features

from antibench.contracts import Card, ImageU8
from antibench.pixels import to_float, to_u8

from ._jpeg_twin import jpeg_twin
from ._resampling import resampled
from ._strength import whole
from .jpeg import Jpeg

_SCALE, _GAMMA, _QUALITY = 0.8, 1.05, 85
_PERIOD, _ANGLE, _DEPTH = 7.0, math.radians(20), 0.06  # moire: pixels, direction, share of the brightness
_HOW = Image.Resampling.BICUBIC


@dataclass(frozen=True)
class Screenshot:
    """Strength is the tier. 1: shown at 0.8 of the size, gamma 1.05, saved as PNG; 2: as JPEG 85; 3: with moire too.

    The photo then gets its size back. Moire are coloured stripes, as between the subpixels of a screen and the pixels
    of a camera: 7 pixels wide, 6 % of the brightness, each channel a third of a stripe further. They never change.
    """

    name: ClassVar[str] = "screenshot"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Screenshot, tier: scaled, JPEG, moire",
        source="this project's proposal; no paper on image-to-video protections was found to test it",
        licence="MIT-CMU (Pillow)",
        notes="Bicubic, antialiased, down and up; JPEG 4:2:0.",
    )
    grid: ClassVar[tuple[float, ...]] = (1, 2, 3)
    stochastic: ClassVar[bool] = False
    backend: ClassVar[str] = f"pillow Image.resize, Image.save, libjpeg-turbo {features.version('libjpeg_turbo')}"

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        """Show, save and bring back an (H, W, 3) uint8 image; 8 bits wherever there is a file or a screen."""
        tier, (height, width) = _tier(strength), image.shape[:2]
        small = Image.fromarray(image).resize((_shown(width), _shown(height)), _HOW)
        saved = to_u8(_through_screen(to_float(np.array(small)), moire=tier == 3))
        if tier > 1:
            saved = Jpeg().apply(saved, strength=_QUALITY, rng=rng)
        return np.array(Image.fromarray(saved).resize((width, height), _HOW), dtype=np.uint8)

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        """The same weights, gamma and stripes and a codec in torch, smooth: (1, 3, H, W) -> (1, 3, H, W)."""
        tier, (height, width) = _tier(strength), image.shape[-2:]
        seen = resampled(image, _shown(height), _shown(width), _HOW).clamp(0, 1)
        seen = _through_screen(seen, moire=tier == 3)
        if tier > 1:
            seen = jpeg_twin(seen, quality=_QUALITY, halve_chroma=True)
        return resampled(seen, height, width, _HOW).clamp(0, 1)


def _through_screen(image: torch.Tensor, *, moire: bool) -> torch.Tensor:
    shown = image**_GAMMA
    if not moire:
        return shown
    down, right = (torch.arange(side).to(image) for side in image.shape[-2:])
    along = (math.cos(_ANGLE) * right + math.sin(_ANGLE) * down[:, None]) / _PERIOD
    phase = along + torch.arange(3).to(image).reshape(3, 1, 1) / 3
    return (shown * (1 + _DEPTH * torch.cos(2 * math.pi * phase))).clamp(0, 1)


def _shown(side: int) -> int:
    return max(1, round(side * _SCALE))


def _tier(strength: float) -> int:
    return whole("screenshot", strength, "the tier", 1, 3)
