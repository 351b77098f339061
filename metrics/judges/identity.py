"""How alike two faces are: the cosine of their embeddings after subtracting what all faces share.

The raw embeddings of any two people point nearly the same way. Subtracting a mean embedding spreads them: strangers
come out near 0. The rendered portraits of the small world have a mean of their own, which ships with its weights; for
real photos it is the mean over the 100 faces of `skimage.data.lfw_subset`.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files
from typing import Literal, TypeAlias, cast

import numpy as np
import skimage.data
import torch
from PIL import Image
from safetensors.numpy import load_file

from antibench.contracts import FramesU8, ImageU8, Unscored
from antibench.errors import UserError
from antibench.metrics.judges.dlib_face import face_net
from antibench.metrics.judges.faces import RECOGNITION, Embedding, Recogniser, embed
from antibench.metrics.judges.likeness import likenesses

World: TypeAlias = Literal["small", "real"]

MEAN_FILE = "weights/world_mean.safetensors"
"""Where `antibench.zoo` keeps the mean embedding of its portraits by each network, under its name."""


def similarities(
    photo: ImageU8, frames: FramesU8, world: World, recogniser: Recogniser = "dlib"
) -> list[float | None] | Unscored:
    """Centred cosine of each frame's face to the face of a photo, -1..1; None for a frame without a face.

    Args:
        photo: (H, W, 3), of the frames' size: at small sizes the resolution itself moves the embedding.
        frames: (T, H, W, 3).
        world: Which mean to subtract.
        recogniser: Which network compares the faces.

    Raises:
        UserError: if the weights of the judges or the mean of the small world are not installed.
    """
    centre = mean_embedding(world, recogniser)

    def centred(image: ImageU8) -> Embedding | None:
        face = embed(image, recogniser)
        return None if face is None else face - centre

    return likenesses(photo, frames, centred)


@cache
def mean_embedding(world: World, recogniser: Recogniser = "dlib") -> Embedding:
    """The mean embedding of a world's faces by one network, (D,), read or computed once per process."""
    return _small_world_mean(recogniser) if world == "small" else _real_world_mean(recogniser)


def _small_world_mean(recogniser: Recogniser) -> Embedding:
    with as_file(files("antibench.zoo") / MEAN_FILE) as path:
        if not path.is_file():
            raise UserError(f"antibench/zoo/{MEAN_FILE}, the small world's mean face, is missing; reinstall antibench")
        return cast(Embedding, load_file(path)[recogniser].astype(np.float32))


def _real_world_mean(recogniser: Recogniser) -> Embedding:
    """Mean over the 100 small pictures: whole for dlib, whose cut is as tight; ArcFace's has to be found in them."""
    size = RECOGNITION[recogniser].size
    faces = np.round(skimage.data.lfw_subset()[:100] * 255).astype(np.uint8)
    large = [Image.fromarray(face).resize((size, size), Image.Resampling.BICUBIC).convert("RGB") for face in faces]
    pictures = np.stack([np.array(face) for face in large])
    if recogniser != "dlib":
        found = [face for picture in pictures if (face := embed(picture, recogniser)) is not None]
        return cast(Embedding, np.mean(found, axis=0))
    pixels = torch.from_numpy(pictures).permute(0, 3, 1, 2).to(torch.float32)
    with torch.no_grad():
        embeddings = [face_net()(pixels[start : start + 20]) for start in range(0, len(pixels), 20)]
    return cast(Embedding, torch.cat(embeddings).mean(dim=0).numpy())
