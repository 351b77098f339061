"""Who is on a picture: the likeliest face, cut out upright, as an embedding.

A picture's face is looked for once per process; all metrics share the answer.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from antibench.contracts import ImageU8
from antibench.metrics.judges.detection import Detector, Face
from antibench.metrics.judges.dlib_face import SIZE, face_net
from antibench.metrics.judges.memo import PixelMemo

Embedding: TypeAlias = npt.NDArray[np.float32]
"""(128,)"""

_EYES = np.array([[0.2273302, 0.2213958], [0.7528139, 0.2212328]])
"""Eye centres of the mean face dlib was trained with, relative to the tight face square."""
_MARGIN = 0.25
"""Space around the tight face square, as dlib cuts its training faces."""


def find(image: ImageU8) -> Face | None:
    """The likeliest face of an (H, W, 3) uint8 image, or None.

    Raises:
        UserError: if the weights are not installed.
    """
    return _FACES(image)


def embed(image: ImageU8) -> Embedding | None:
    """Raw 128-d dlib embedding of the likeliest face of an (H, W, 3) uint8 image, or None if there is no face.

    The raw cosine of any two faces is large (0.77 to 0.84 for strangers): centre before comparing
    (`antibench.metrics.judges.identity`).

    Raises:
        UserError: if the weights are not installed.
    """
    return _EMBEDDINGS(image)


def align(image: ImageU8, landmarks: npt.NDArray[np.float64]) -> torch.Tensor:
    """Cut a face out upright: (1, 3, 150, 150) float32 in 0..255.

    The similarity transform takes the two eyes to where dlib's training faces have them; a face that has to shrink is
    averaged over whole pixels first, against aliasing.
    """
    target = (_EYES + _MARGIN) / (2 * _MARGIN + 1) * SIZE
    source_eyes, target_eyes = (complex(*(eyes[1] - eyes[0])) for eyes in (landmarks, target))
    turn = source_eyes / target_eyes
    matrix = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    points = np.stack([columns.ravel(), rows.ravel()], axis=1) @ matrix.T + landmarks[0] - matrix @ target[0]
    pixels = torch.tensor(image).permute(2, 0, 1)[None].to(torch.float32)
    shrink = max(1, round(abs(turn)))
    height, width = (side + -side % shrink for side in pixels.shape[2:])
    if shrink > 1:
        padded = F.pad(pixels, (0, width - pixels.shape[3], 0, height - pixels.shape[2]), mode="replicate")
        pixels = F.avg_pool2d(padded, shrink)
    grid = (points + 0.5) / np.array([width, height]) * 2 - 1
    where = torch.from_numpy(grid.reshape(1, SIZE, SIZE, 2)).to(torch.float32)
    return F.grid_sample(pixels, where, mode="bilinear", padding_mode="border", align_corners=False)


def _likeliest(image: ImageU8) -> Face | None:
    return next(iter(Detector().detect(image)), None)


def _embedding(image: ImageU8) -> Embedding | None:
    face = find(image)
    if face is None:
        return None
    with torch.no_grad():
        embedding: torch.Tensor = face_net()(align(image, face.landmarks))[0]
    return embedding.numpy()


_FACES = PixelMemo(_likeliest)
_EMBEDDINGS = PixelMemo(_embedding)
