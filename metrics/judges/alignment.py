"""Cut a face out upright, as a recognition network was trained to see faces: by two landmarks for dlib, by five for
networks of the ArcFace kind (Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", 2019).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from antibench.contracts import ImageU8
from antibench.metrics.judges import dlib_face, mobileface

Points: TypeAlias = npt.NDArray[np.float64]
"""(K, 2), x and y in pixels."""

_MARGIN = 0.25
"""Space around the tight face square, as dlib cuts its training faces."""
_EYES = (np.array([[0.2273302, 0.2213958], [0.7528139, 0.2212328]]) + _MARGIN) / (2 * _MARGIN + 1) * dlib_face.SIZE
"""Eye centres of the mean face dlib was trained with, in its cut."""
ARCFACE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])
"""Eyes, nose and mouth corners in ArcFace's cut of 112 pixels."""


def dlib_cut(image: ImageU8, landmarks: Points) -> torch.Tensor:
    """(1, 3, 150, 150) float32 in 0..255, the two eyes where dlib's training faces have them.

    Args:
        image: (H, W, 3) uint8.
        landmarks: (5, 2), of which only the eyes count.
    """
    source_eyes, target_eyes = (complex(*(eyes[1] - eyes[0])) for eyes in (landmarks, _EYES))
    return _cut(image, source_eyes / target_eyes, landmarks[0], _EYES[0], dlib_face.SIZE)


def arcface_cut(image: ImageU8, landmarks: Points) -> torch.Tensor:
    """(1, 3, 112, 112) float32 in 0..255, the five landmarks as near as can be to where ArcFace has them.

    The similarity transform is the one of least squares (Umeyama, 1991): with points as complex numbers about their
    mean, the projection of the face's on the template's.

    Args:
        image: (H, W, 3) uint8.
        landmarks: (5, 2).
    """
    source_mean, target_mean = landmarks.mean(axis=0), ARCFACE.mean(axis=0)
    source, target = ((points - mean) @ [1, 1j] for points, mean in ((landmarks, source_mean), (ARCFACE, target_mean)))
    turn = complex(np.vdot(target, source) / np.vdot(target, target))
    return _cut(image, turn, source_mean, target_mean, mobileface.SIZE)


def _cut(image: ImageU8, turn: complex, source: Points, target: Points, size: int) -> torch.Tensor:
    """The square of a similarity transform: `turn` rotates and scales its pixels about `target`, which is `source`.

    A face that has to shrink is averaged over whole pixels first, against aliasing.
    """
    matrix = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    rows, columns = np.mgrid[0:size, 0:size]
    points = np.stack([columns.ravel(), rows.ravel()], axis=1) @ matrix.T + source - matrix @ target
    pixels = torch.tensor(image).permute(2, 0, 1)[None].to(torch.float32)
    shrink = max(1, round(abs(turn)))
    height, width = (side + -side % shrink for side in pixels.shape[2:])
    if shrink > 1:
        padded = F.pad(pixels, (0, width - pixels.shape[3], 0, height - pixels.shape[2]), mode="replicate")
        pixels = F.avg_pool2d(padded, shrink)
    grid = (points + 0.5) / np.array([width, height]) * 2 - 1
    where = torch.from_numpy(grid.reshape(1, size, size, 2)).to(torch.float32)
    return F.grid_sample(pixels, where, mode="bilinear", padding_mode="border", align_corners=False)
