"""RAFT optical flow (Teed and Deng, 2020), torchvision's network with the weights its authors trained.

`raft_large_C_T_V1` is the authors' raft-things.pth (FlyingChairs, then FlyingThings3D) under torchvision's names.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any, cast

import torch
import torch.nn.functional as F

from antibench.contracts import FramesU8
from antibench.metrics.judges.fetched import fetched_file
from antibench.metrics.judges.flow import Flow
from antibench.models.weights import load_strictly, read_tensors
from antibench.pixels import to_float

FILE = "raft_large_C_T_V1-22a6c225.pth"
"""The digits are the start of its SHA-256."""
SHA256 = {FILE: "22a6c225"}
LICENCE = "weights BSD-3-Clause (princeton-vl/RAFT, torchvision)"
SMALLEST = 128
"""Least side in pixels of what RAFT is given: below it a level of its pyramid is empty. Smaller frames are enlarged."""
STEPS = 20
_MULTIPLE = 8


@cache
def raft_net() -> Any:
    """RAFT in float32, once per process.

    Raises:
        UserError: if its file was not fetched, or is not what its hash says.
    """
    from torchvision.models.optical_flow import raft_large

    path = fetched_file(FILE, f"https://download.pytorch.org/models/{FILE}", SHA256[FILE])
    with torch.random.fork_rng(devices=[]):
        net = raft_large(weights=None)
    load_strictly(net, read_tensors(path), FILE)
    return net.eval().requires_grad_(False)


def raft_flows(frames: FramesU8) -> list[Flow]:
    """Flow from each frame to the next in pixels of the frames' own size, T - 1 of (H, W, 2).

    Sides are padded to multiples of 8 by repeating the border, half on each side, as RAFT's own padder does.

    Raises:
        UserError: as `raft_net`.
    """
    height, width = frames.shape[1:3]
    factor = -(-SMALLEST // min(height, width))
    pixels = to_float(frames) * 2 - 1
    if factor > 1:
        pixels = F.interpolate(pixels, scale_factor=factor, mode="bilinear")
    down, across = (-side % _MULTIPLE for side in pixels.shape[2:])
    pixels = F.pad(pixels, (across // 2, across - across // 2, down // 2, down - down // 2), mode="replicate")
    found = []
    for now, after in pairwise(pixels):
        with torch.no_grad():
            flow = raft_net()(now[None], after[None], num_flow_updates=STEPS)[-1]
        flow = flow[..., down // 2 :, across // 2 :][..., : height * factor, : width * factor]
        if factor > 1:
            flow = F.avg_pool2d(flow, factor) / factor
        found.append(cast(Flow, flow[0].permute(1, 2, 0).numpy()))
    return found
