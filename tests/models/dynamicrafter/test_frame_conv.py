"""The convolution over frames, which runs in two dimensions, is the one in three that its parameters are of."""

from __future__ import annotations

import torch
from torch import nn

from antibench.models.dynamicrafter.residual import FrameConv


def test_it_is_the_convolution_in_three_dimensions() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        conv = FrameConv(8)
        x = torch.randn(2, 8, 5, 3, 4)
    ours, theirs = conv(x), nn.Conv3d.forward(conv, x)
    assert ours.shape == x.shape
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    assert (ours[:, :, 0] - conv(x.flip(2))[:, :, -1]).abs().max() > 1e-3  # the order of frames matters
