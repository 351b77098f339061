"""The pictures the oracles were asked about, made from data that ships with scikit-image."""

from __future__ import annotations

import numpy as np
import skimage.data
from PIL import Image

from antibench.contracts import ImageU8
from antibench.testing.metric_contract import portrait


def detection_pictures() -> dict[str, ImageU8]:
    """Faces large and small, two faces, none."""
    whole = skimage.data.astronaut()
    pair = np.concatenate([portrait(size=200), portrait(size=200)[:, ::-1]], axis=1)
    return {
        "whole": whole,
        "half": np.array(Image.fromarray(whole).resize((256, 256), Image.Resampling.BOX)),
        "portrait-256": portrait(size=256),
        "portrait-64": portrait(),
        "pair": np.ascontiguousarray(pair),
        "cat": np.ascontiguousarray(skimage.data.chelsea()[:, :300]),
    }


def chips(size: int = 150) -> dict[str, ImageU8]:
    """Inputs of a recognition network, `size` pixels wide and high."""
    lfw = np.round(skimage.data.lfw_subset()[0] * 255).astype(np.uint8)
    return {
        "portrait": portrait(size=size),
        "lfw": np.array(Image.fromarray(lfw).resize((size, size), Image.Resampling.BICUBIC).convert("RGB")),
        "noise": np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8),
    }


def distance_pictures() -> dict[str, tuple[ImageU8, ImageU8]]:
    """Pairs for the perceptual distance."""
    photo = portrait()
    signs = np.random.default_rng(0).choice([-8, 8], photo.shape)
    cat = np.array(Image.fromarray(skimage.data.chelsea()).resize((64, 64), Image.Resampling.BOX))
    return {
        "eight-levels": (photo, np.clip(photo.astype(int) + signs, 0, 255).astype(np.uint8)),
        "shifted": (photo, portrait(shift=1)),
        "other": (photo, cat),
        "odd-size": (photo[:61, :47], cat[:61, :47]),
    }
