"""Tiny networks with fixed random weights in place of the embedded ones."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import pytest
import torch
from torch import nn

from antibench.purifications import _networks
from antibench.zoo.purifiers import PURIFIERS, build_purifier

UNET = {"sample_size": 32, "block_out_channels": (8,), "layers_per_block": 1, "norm_num_groups": 4}
UNET |= {"down_block_types": ("DownBlock2D",), "up_block_types": ("UpBlock2D",), "add_attention": False}
NARROW: dict[str, dict[str, Any]] = {
    "diffusion": {"unet": UNET},
    "denoiser": {"depth": 3, "width": 4},
    "super-resolution": {"blocks": 1, "width": 4},
    "vae": {
        "block_out_channels": (4, 8),
        "norm_num_groups": 2,
        "down_block_types": ("DownEncoderBlock2D",) * 2,
        "up_block_types": ("UpDecoderBlock2D",) * 2,
    },
}


@functools.cache
def tiny(name: str) -> nn.Module:
    """A network of the class of an embedded one, narrower."""
    purifier = PURIFIERS[name]
    arguments = {**purifier.network, **NARROW[purifier.task]}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_purifier(dataclasses.replace(purifier, network=arguments))
    return network.eval().requires_grad_(False)


def use_tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the purifications find these in place of the embedded networks."""
    monkeypatch.setattr(_networks, "_embedded", lambda name, device: tiny(name))


def use(monkeypatch: pytest.MonkeyPatch, network: Any) -> None:
    """Let the purifications find one network in place of every embedded one."""
    monkeypatch.setattr(_networks, "_embedded", lambda name, device: network)
