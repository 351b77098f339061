"""ArcFace (Deng et al., 2019) as InsightFace runs it: five landmarks onto its template, then the network."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from antibench.contracts import ImageU8
from antibench.metrics.judges.alignment import ARCFACE, Points
from antibench.metrics.judges.onnx_network import Floats, Network

SIZE = 112
"""Side of the aligned face the network takes."""


def onto_template(landmarks: Points) -> Points:
    """The similarity transform of least squares (Umeyama, 1991) from a picture to ArcFace's cut, (2, 3).

    The error is measured in the cut, as there; `alignment.arcface_cut` measures it in the picture.

    Args:
        landmarks: (5, 2) eyes, nose and mouth corners in the picture.
    """
    source_mean, target_mean = landmarks.mean(axis=0), ARCFACE.mean(axis=0)
    source, target = (landmarks - source_mean) @ [1, 1j], (ARCFACE - target_mean) @ [1, 1j]
    turn = complex(np.vdot(source, target) / np.vdot(source, source))
    matrix = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.column_stack([matrix, target_mean - matrix @ source_mean])


def aligned(image: ImageU8, landmarks: Points) -> ImageU8:
    """The face upright, (112, 112, 3); bilinear, black beyond the picture."""
    warped = cv2.warpAffine(np.ascontiguousarray(image), onto_template(landmarks), (SIZE, SIZE))
    return cast(ImageU8, warped)


def embedding(face: ImageU8, network: Network) -> Floats:
    """What the network makes of an aligned (112, 112, 3) face: (512,) of any length."""
    blob = ((face.astype(np.float32) - 127.5) / 127.5).transpose(2, 0, 1)[None]
    return network(np.ascontiguousarray(blob))[0].reshape(-1)
