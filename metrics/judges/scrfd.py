"""SCRFD (Guo et al., "Sample and Computation Redistribution for Efficient Face Detection", ICLR 2022), with landmarks.

Written from the paper and from what InsightFace's own package does around the network, so that boxes are the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from antibench.contracts import ImageU8
from antibench.metrics.judges.detection import Face
from antibench.metrics.judges.onnx_network import Floats, Network
from antibench.metrics.judges.suppression import Array, suppress

STRIDES = (8, 16, 32)
"""Pixels between neighbouring anchors of each level."""
ANCHORS = 2
"""Anchors at each place, all with the place as their centre."""


@dataclass(frozen=True)
class Scrfd:
    """The detector around its network.

    Attributes:
        network: (1, 3, size, size) to nine outputs: scores, distances to the four sides and landmarks, of each stride.
        size: Side of its input: a picture is brought to it without changing its aspect, black fills the rest.
        threshold: Least score of a face.
        overlap: Most that two faces overlap, intersection over union.
    """

    network: Network
    size: int = 640
    threshold: float = 0.5
    overlap: float = 0.4

    def detect(self, image: ImageU8) -> list[Face]:
        """Faces of an (H, W, 3) uint8 image, largest first; empty if there is none."""
        canvas, scale = letterboxed(image, self.size)
        blob = ((canvas.astype(np.float32) - 127.5) / 128).transpose(2, 0, 1)[None]
        boxes, scores, landmarks = decoded(self.network(np.ascontiguousarray(blob)), self.size, self.threshold)
        boxes, landmarks = boxes / scale, landmarks / scale
        keep = suppress(boxes, scores, self.overlap, inclusive=1)
        faces = [Face(boxes[k], float(scores[k]), landmarks[k]) for k in keep]
        return sorted(faces, key=lambda face: -float((face.box[2:] - face.box[:2]).prod()))


def letterboxed(image: ImageU8, size: int) -> tuple[ImageU8, float]:
    """The image in the upper left of a black square, (size, size, 3), and by what it was scaled."""
    height, width = image.shape[:2]
    ratio = height / width
    new = (size, max(1, int(size / ratio))) if ratio > 1 else (max(1, int(size * ratio)), size)
    canvas = np.zeros((size, size, 3), dtype=np.uint8)
    canvas[: new[0], : new[1]] = cv2.resize(np.ascontiguousarray(image), (new[1], new[0]))
    return canvas, new[0] / height


def decoded(outputs: list[Floats], size: int, threshold: float) -> tuple[Array, Array, Array]:
    """Boxes (N, 4), scores (N,) and landmarks (N, 5, 2) of at least a score, in pixels of the square.

    Args:
        outputs: Of the network: three levels of scores (P, 1), then of distances (P, 4), then of landmarks (P, 10), in
            units of the stride, with or without an axis of the batch; P = (size / stride)^2 * 2.
        size: Side of the square.
        threshold: Least score.

    Raises:
        ValueError: for another number or size of outputs.
    """
    if len(outputs) != 3 * len(STRIDES):
        raise ValueError(f"SCRFD with landmarks has {3 * len(STRIDES)} outputs, not {len(outputs)}")
    found: list[tuple[Array, Array, Array]] = []
    for level, stride in enumerate(STRIDES):
        score, sides, points = (
            outputs[level + kind * len(STRIDES)].reshape(-1, width).astype(np.float64)
            for kind, width in enumerate((1, 4, 10))
        )
        side = size // stride
        rows, columns = np.mgrid[:side, :side]
        centres = np.repeat(np.stack([columns, rows], axis=-1).reshape(-1, 2), ANCHORS, axis=0) * float(stride)
        if not len(centres) == len(score) == len(sides) == len(points):
            raise ValueError(f"stride {stride} of a square of {size} has {len(centres)} anchors, not {len(score)}")
        seen = score[:, 0] >= threshold
        centre, sides = centres[seen], sides[seen] * stride
        boxes = np.concatenate([centre - sides[:, :2], centre + sides[:, 2:]], axis=1)
        landmarks = centre[:, None] + points[seen].reshape(-1, 5, 2) * stride
        found.append((boxes, score[seen, 0], landmarks))
    boxes, scores, landmarks = (np.concatenate(part) for part in zip(*found, strict=True))
    return boxes, scores, landmarks
