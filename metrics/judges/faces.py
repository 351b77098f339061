"""Who is on a picture: the likeliest face, cut out upright, as an embedding.

A picture's face is looked for once per process, and embedded once by each network; all metrics share the answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from antibench.contracts import ImageU8
from antibench.metrics.judges import dlib_face, mobileface
from antibench.metrics.judges.alignment import Points, arcface_cut, dlib_cut
from antibench.metrics.judges.detection import Detector, Face
from antibench.metrics.judges.memo import PixelMemo

Embedding: TypeAlias = npt.NDArray[np.float32]
"""(128,) of dlib, (256,) of MobileFace."""
Recogniser: TypeAlias = Literal["dlib", "mobileface"]


@dataclass(frozen=True)
class Recognition:
    """A recognition network and how it wants to see a face.

    Attributes:
        net: Loads it; (N, 3, size, size) RGB in 0..255 -> (N, D).
        cut: Cuts a face with five landmarks out, (1, 3, size, size).
        size: Side of the cut in pixels.
    """

    net: Callable[[], nn.Module]
    cut: Callable[[ImageU8, Points], torch.Tensor]
    size: int


RECOGNITION: dict[Recogniser, Recognition] = {
    "dlib": Recognition(dlib_face.face_net, dlib_cut, dlib_face.SIZE),
    "mobileface": Recognition(mobileface.mobileface_net, arcface_cut, mobileface.SIZE),
}


def find(image: ImageU8) -> Face | None:
    """The likeliest face of an (H, W, 3) uint8 image, or None.

    Raises:
        UserError: if the weights are not installed.
    """
    return _FACES(image)


def embed(image: ImageU8, recogniser: Recogniser = "dlib") -> Embedding | None:
    """Raw embedding of the likeliest face of an (H, W, 3) uint8 image, or None if there is no face.

    The raw cosine of any two faces is large (dlib: 0.77 to 0.84 for strangers): centre before comparing
    (`antibench.metrics.judges.identity`).

    Raises:
        UserError: if the weights are not installed.
    """
    return _EMBEDDINGS[recogniser](image)


def _likeliest(image: ImageU8) -> Face | None:
    return next(iter(Detector().detect(image)), None)


def _embedding(recognition: Recognition, image: ImageU8) -> Embedding | None:
    face = find(image)
    if face is None:
        return None
    with torch.no_grad():
        return cast(Embedding, recognition.net()(recognition.cut(image, face.landmarks))[0].numpy())


_FACES = PixelMemo(_likeliest)
_EMBEDDINGS = {name: PixelMemo(partial(_embedding, recognition)) for name, recognition in RECOGNITION.items()}
