"""Face detection: the MTCNN cascade on one 8-bit image.

Boxes follow the convention the networks were trained with: (left, top, right, bottom), 1-based and inclusive. They
are turned into 0-based pixel coordinates only at the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from antibench.contracts import ImageU8
from antibench.metrics.judges.mtcnn import CropNet, ProposalNet, networks
from antibench.metrics.judges.suppression import Array, suppress


@dataclass(frozen=True)
class Face:
    """One detected face, in pixels of the image as given.

    Attributes:
        box: (left, top, right, bottom).
        score: Probability of the last stage, 0..1.
        landmarks: (5, 2) x and y of the eyes, nose and mouth corners; image-left first.
    """

    box: Array
    score: float
    landmarks: Array


@dataclass(frozen=True)
class Detector:
    """Settings of the cascade.

    Attributes:
        min_side: Smaller images are enlarged by a whole factor (bicubic) until their short side has this many pixels.
        min_face_share: Smallest face looked for, as a share of the short side; the pyramid has no level for smaller
            ones, which is what makes the detector fast. 0.15 suits portraits; the face need not fill the photo.
        factor: Ratio of neighbouring pyramid levels.
        thresholds: Least face probability in the three stages.
    """

    min_side: int = 192
    min_face_share: float = 0.15
    factor: float = 0.709
    thresholds: tuple[float, float, float] = (0.6, 0.7, 0.7)

    def detect(self, image: ImageU8) -> list[Face]:
        """Faces of an (H, W, 3) uint8 image, likeliest first; empty if there is none.

        Raises:
            UserError: if the weights are not installed.
        """
        enlarge = max(1, math.ceil(self.min_side / min(image.shape[:2])))
        height, width = image.shape[0] * enlarge, image.shape[1] * enlarge
        large = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC) if enlarge > 1 else image
        # Channels last in memory, as the permutation leaves them: torch pools ten times as fast there on a CPU.
        pixels = torch.from_numpy(np.array(large))[None].permute(0, 3, 1, 2).to(torch.float32)
        with torch.no_grad():
            boxes, scores, points = self._cascade(pixels)
        order = np.argsort(-scores, kind="stable")
        return [Face((boxes[k] - 1) / enlarge, float(scores[k]), (points[k] - 1) / enlarge) for k in order]

    def _cascade(self, pixels: torch.Tensor) -> tuple[Array, Array, Array]:
        nets = networks()
        boxes = self._propose(pixels, nets.proposal)
        boxes, scores, offsets, _ = _judge(pixels, boxes, nets.refine, 24, self.thresholds[1])
        boxes, scores, offsets = _thin(boxes, scores, offsets, 0.7)
        boxes = _square(_shift(boxes, offsets, 1))
        boxes, scores, offsets, points = _judge(pixels, boxes, nets.output, 48, self.thresholds[2])
        sides = boxes[:, None, 2:] - boxes[:, None, :2] + 1
        landmarks = points.reshape(-1, 2, 5).transpose(0, 2, 1) * sides + boxes[:, None, :2]
        boxes = _shift(boxes, offsets, 1)
        # As in the published cascade, only the last stage counts both border pixels as part of a box.
        keep = suppress(boxes, scores, 0.7, inclusive=1, of_smaller=True)
        return boxes[keep], scores[keep], landmarks[keep]

    def _propose(self, pixels: torch.Tensor, net: ProposalNet) -> Array:
        """First stage over the pyramid: square candidate boxes."""
        height, width = pixels.shape[2:]
        short = min(height, width)
        scale = 12 / max(12.0, self.min_face_share * short)
        found: list[tuple[Array, Array, Array]] = []
        while short * scale >= 12:
            level = F.interpolate(pixels, (int(height * scale + 1), int(width * scale + 1)), mode="area")
            answer = net(_normalise(level))
            probability = answer.probability[0].numpy().astype(np.float64)
            rows, columns = np.nonzero(probability >= self.thresholds[0])
            corner = 2.0 * np.stack([columns, rows], axis=1)
            cells = np.concatenate([np.floor((corner + 1) / scale), np.floor((corner + 12) / scale)], axis=1)
            offsets = answer.offsets[0].numpy().astype(np.float64)[:, rows, columns].T
            found.append(_thin(cells, probability[rows, columns], offsets, 0.5))
            scale *= self.factor
        if not found:
            return np.zeros((0, 4))
        cells, scores, offsets = (np.concatenate(part) for part in zip(*found, strict=True))
        cells, _, offsets = _thin(cells, scores, offsets, 0.7)
        return _square(_shift(cells, offsets, 0))


def _normalise(pixels: torch.Tensor) -> torch.Tensor:
    return (pixels - 127.5) / 128


def _judge(
    pixels: torch.Tensor, boxes: Array, net: CropNet, size: int, threshold: float
) -> tuple[Array, Array, Array, Array]:
    """Cut the boxes out, show them to a network; boxes, scores, offsets and landmarks of those above the threshold."""
    boxes, crops = _crops(pixels, boxes, size)
    if not crops:
        return np.zeros((0, 4)), np.zeros(0), np.zeros((0, 4)), np.zeros((0, 10))
    answer = net(_normalise(torch.cat(crops)))
    scores = answer.probability.numpy().astype(np.float64)
    keep = scores > threshold
    offsets = answer.offsets.numpy().astype(np.float64)[keep]
    points = answer.landmarks.numpy().astype(np.float64)[keep] if answer.landmarks is not None else np.zeros((0, 10))
    return boxes[keep], scores[keep], offsets, points


def _crops(pixels: torch.Tensor, boxes: Array, size: int) -> tuple[Array, list[torch.Tensor]]:
    """The part of each box that lies in the image, resized to a square; boxes without such a part are dropped."""
    height, width = pixels.shape[2:]
    inside = np.clip(np.trunc(boxes), 1, [width, height, width, height]).astype(int)
    keep = (boxes[:, 2:] >= 1).all(axis=1) & (boxes[:, :2] <= [width, height]).all(axis=1)
    crops = [
        F.interpolate(pixels[:, :, top - 1 : bottom, left - 1 : right], (size, size), mode="area")
        for left, top, right, bottom in inside[keep]
    ]
    return boxes[keep], crops


def _shift(boxes: Array, offsets: Array, inclusive: int) -> Array:
    """Move the corners by offsets given as shares of the box's sides."""
    sides = boxes[:, 2:] - boxes[:, :2] + inclusive
    moved: Array = boxes + offsets * np.concatenate([sides, sides], axis=1)
    return moved


def _square(boxes: Array) -> Array:
    """The square on the same centre whose side is the longer one."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def _thin(boxes: Array, scores: Array, offsets: Array, overlap: float) -> tuple[Array, Array, Array]:
    keep = suppress(boxes, scores, overlap)
    return boxes[keep], scores[keep], offsets[keep]
