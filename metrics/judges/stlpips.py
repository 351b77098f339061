"""ST-LPIPS ("Shift-tolerant Perceptual Similarity Metric", Ghildyal and Liu, ECCV 2022): LPIPS whose
trunk blurs before it subsamples, so that a shift of a pixel does not count as damage.

The weights are those of package `stlpips_pytorch` 0.0.2 (BSD-2-Clause). Its trunk also serves as the image
features of `deep_features`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import nn

from antibench.contracts import ImageU8
from antibench.metrics.judges.shipped import shipped_file
from antibench.pixels import to_float

Backbone: TypeAlias = Literal["vgg", "alex"]

SMALLEST = 24
"""Least side in pixels: below it a layer is too small for its reflection padding."""
SHA256: dict[Backbone, str] = {
    "vgg": "44597da68f49c1837c100ff52299050f274d102eb102e5837178c79be6f0e250",
    "alex": "b356b382f96010f77d085ee8343ecd9fd322d0a56e8de2b2d0549fafcad8b9ee",
}
_TAPS: dict[Backbone, tuple[int, ...]] = {"vgg": (3, 9, 17, 25, 33), "alex": (2, 6, 10, 12, 14)}
"""Layers of the trunk whose activations are compared: the last ReLU of each of the five stages."""


class BlurPool(nn.Module):
    """Halve the resolution behind a 3x3 binomial blur (Zhang, Making Convolutional Networks Shift-Invariant Again)."""

    filt: torch.Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        taps = torch.tensor([0.25, 0.5, 0.25])
        self.register_buffer("filt", (taps[:, None] * taps).expand(channels, 1, 3, 3).clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), self.filt, stride=2, groups=x.shape[1])


def _conv(channels_in: int, channels_out: int, kernel: int = 3, padding: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(channels_in, channels_out, kernel, padding=padding), nn.ReLU()]


def _pool(channels: int, kernel: int) -> list[nn.Module]:
    return [nn.MaxPool2d(kernel, stride=1), BlurPool(channels)]


def _vgg() -> list[nn.Module]:
    layers: list[nn.Module] = []
    channels = 3
    for stage, (width, depth) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]):
        layers += _pool(channels, 2) if stage else []
        for _ in range(depth):
            layers += _conv(channels, width)
            channels = width
    return layers


def _alex() -> list[nn.Module]:
    stem: list[nn.Module] = [nn.Conv2d(3, 64, 11, padding=2), BlurPool(64), nn.ReLU()]
    stages = [*_pool(64, 3), *_conv(64, 192, 5, 2), *_pool(192, 3), *_conv(192, 384)]
    return [*stem, *stages, *_conv(384, 256), *_conv(256, 256)]


class ShiftTolerantLpips(nn.Module):
    """The trunk, and one non-negative weight for each channel of each tap."""

    shift: torch.Tensor
    scale: torch.Tensor

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.taps = _TAPS[backbone]
        self.trunk = nn.Sequential(*(_vgg() if backbone == "vgg" else _alex()))
        widths = (64, 128, 256, 512, 512) if backbone == "vgg" else (64, 192, 384, 256, 256)
        self.heads = nn.ParameterList([torch.zeros(1, width, 1, 1) for width in widths])
        self.register_buffer("shift", torch.zeros(1, 3, 1, 1))
        self.register_buffer("scale", torch.ones(1, 3, 1, 1))

    def activations(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Activations at the taps of a (N, 3, H, W) image in [0, 1]."""
        x = (image * 2 - 1 - self.shift) / self.scale
        found = []
        for index, layer in enumerate(self.trunk):
            x = layer(x)
            if index in self.taps:
                found.append(x)
        return found

    def forward(self, image: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """Distance of two (1, 3, H, W) images in [0, 1], a scalar >= 0."""
        total = torch.zeros(())
        for a, b, head in zip(self.activations(image), self.activations(other), self.heads, strict=True):
            difference = (F.normalize(a, dim=1, eps=1e-10) - F.normalize(b, dim=1, eps=1e-10)) ** 2
            total = total + (difference * head).sum(dim=1).mean()
        return total


@lru_cache(maxsize=2)
def st_lpips_net(backbone: Backbone) -> ShiftTolerantLpips:
    """Load a network once per process, in evaluation mode, without gradients.

    Raises:
        UserError: if the package is missing or its file is not the expected one.
    """
    path = shipped_file("stlpips_pytorch", f"weights/vST0.0/{backbone}_shift_tolerant.pth", SHA256[backbone])
    stored: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    with torch.random.fork_rng(devices=[]):  # building a layer draws from the global generator
        net = ShiftTolerantLpips(backbone)
    net.load_state_dict({_own_name(name): value for name, value in stored.items()})
    return net.eval().requires_grad_(False)


def _own_name(name: str) -> str:
    """net.slice2.6.weight -> trunk.6.weight, lin3.model.1.weight -> heads.3, scaling_layer.shift -> shift."""
    first, *rest = name.split(".")
    if first == "net":
        return ".".join(["trunk", *rest[1:]])
    return f"heads.{first.removeprefix('lin')}" if first.startswith("lin") else rest[0]


def distance(image: ImageU8, other: ImageU8, backbone: Backbone) -> float:
    """ST-LPIPS of two (H, W, 3) uint8 images of equal size, >= 0; 0 for equal images.

    Raises:
        UserError: if the weights are not installed.
    """
    with torch.no_grad():
        return float(st_lpips_net(backbone)(to_float(image), to_float(other)))
