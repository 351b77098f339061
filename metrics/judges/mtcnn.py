"""The three networks of MTCNN (Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded
Convolutional Networks", 2016), with the weights that package `mtcnn` 1.0.0 ships.

All take RGB scaled to (level - 127.5) / 128, shape (N, 3, H, W).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple, TypeVar

import torch
from torch import nn

from antibench.metrics.judges.shipped import shipped_file

N = TypeVar("N", bound=nn.Module)

SHA256 = {
    "pnet": "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
    "rnet": "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
    "onet": "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
}


class Head(NamedTuple):
    """What one stage says: face probability (N, ...), box offsets (N, 4, ...), landmarks (N, 10) of the last stage."""

    probability: torch.Tensor
    offsets: torch.Tensor
    landmarks: torch.Tensor | None = None


def _conv(channels_in: int, channels_out: int, kernel: int) -> list[nn.Module]:
    return [nn.Conv2d(channels_in, channels_out, kernel), nn.PReLU(channels_out)]


def _pool(kernel: int = 3) -> nn.Module:
    return nn.MaxPool2d(kernel, 2, ceil_mode=True)


class ProposalNet(nn.Module):
    """Fully convolutional: one answer for each 12x12 cell at stride 2."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(*_conv(3, 10, 3), _pool(2), *_conv(10, 16, 3), *_conv(16, 32, 3))
        self.box = nn.Conv2d(32, 4, 1)
        self.face = nn.Conv2d(32, 2, 1)

    def forward(self, image: torch.Tensor) -> Head:
        features = self.trunk(image)
        return Head(self.face(features).softmax(dim=1)[:, 1], self.box(features))


class CropNet(nn.Module):
    """The second and third stage: convolutions, one dense layer, and a dense layer for each answer."""

    def __init__(self, trunk: list[nn.Module], flat: int, dense: int, *, landmarks: bool) -> None:
        super().__init__()
        self.trunk = nn.Sequential(*trunk)
        self.dense = nn.Sequential(nn.Linear(flat, dense), nn.PReLU(dense))
        self.box = nn.Linear(dense, 4)
        self.points = nn.Linear(dense, 10) if landmarks else None
        self.face = nn.Linear(dense, 2)

    def forward(self, crops: torch.Tensor) -> Head:
        # The weights were trained with width, height, channel order before the dense layer.
        features = self.dense(self.trunk(crops).permute(0, 3, 2, 1).flatten(1))
        points = self.points(features) if self.points is not None else None
        return Head(self.face(features).softmax(dim=1)[:, 1], self.box(features), points)


def refine_net() -> CropNet:
    """The second stage, on 24x24 crops."""
    trunk = [*_conv(3, 28, 3), _pool(), *_conv(28, 48, 3), _pool(), *_conv(48, 64, 2)]
    return CropNet(trunk, 576, 128, landmarks=False)


def output_net() -> CropNet:
    """The third stage, on 48x48 crops."""
    trunk = [*_conv(3, 32, 3), _pool(), *_conv(32, 64, 3), _pool(), *_conv(64, 64, 3), _pool(2), *_conv(64, 128, 2)]
    return CropNet(trunk, 1152, 256, landmarks=True)


class Networks(NamedTuple):
    """The cascade, in evaluation mode, without gradients."""

    proposal: ProposalNet
    refine: CropNet
    output: CropNet


@lru_cache(maxsize=1)
def networks() -> Networks:
    """Load the cascade once per process.

    Raises:
        UserError: if package `mtcnn` is missing or its weight files are not the expected ones.
    """
    with torch.random.fork_rng(devices=[]):  # building a layer draws from the global generator
        return Networks(_fill(ProposalNet(), "pnet"), _fill(refine_net(), "rnet"), _fill(output_net(), "onet"))


def _fill(net: N, name: str) -> N:
    path = shipped_file("mtcnn", f"assets/weights/{name}.lz4", SHA256[name])
    import joblib  # a dependency of package `mtcnn`, so it is there once its files are

    # The files are pickles: `shipped_file` has compared their hash with the pinned one before they are opened.
    arrays = iter(joblib.load(path))
    for layer in _layers(net):
        for parameter in layer.parameters():
            value = torch.from_numpy(next(arrays))
            if value.ndim == 4:  # a convolution, stored (height, width, in, out)
                value = value.permute(3, 2, 0, 1)
            elif value.ndim == 2:  # a dense layer, stored (in, out)
                value = value.T
            parameter.data.copy_(value.reshape(parameter.shape))
    if next(arrays, None) is not None:
        raise ValueError(f"{path.name} holds more arrays than the network has parameters")
    return net.eval().requires_grad_(False)


def _layers(net: nn.Module) -> Iterator[nn.Module]:
    """Layers with weights in the order of the files, which is the order they are defined in above."""
    return (layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear | nn.PReLU))
