"""Reading the published checkpoints of Open-Sora 1.2, one file a network, into networks of a configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from antibench.models.opensora.config import STDiT3Config, VAEConfig
from antibench.models.opensora.stdit3 import STDiT3
from antibench.models.opensora.vae import OpenSoraVAE
from antibench.models.weights import load_strictly, read_tensors

NETWORK_FILE = "model.safetensors"
"""What the repositories of the denoiser and of the autoencoder call their weights."""

Network = TypeVar("Network", bound=nn.Module)


def load_stdit3(path: Path, config: STDiT3Config, dtype: torch.dtype = torch.float32, device: str = "cpu") -> STDiT3:
    """The denoiser with the weights of a file, frozen, in evaluation mode.

    Args:
        path: A `.safetensors`, or a file of torch, read without running code.
        config: The network it is said to hold.
        dtype: Type of the weights; the frequencies of the rotary positions stay float32.
        device: Torch device.

    Raises:
        UserError: if the file is missing, broken, or holds another network.
    """
    network = _loaded(path, lambda: STDiT3(config))
    for name, part in network.named_children():
        if name != "rope":
            part.to(dtype)
    return network.to(device)


def load_vae(path: Path, config: VAEConfig, dtype: torch.dtype = torch.float32, device: str = "cpu") -> OpenSoraVAE:
    """The autoencoder with the weights of a file, frozen, in evaluation mode; arguments and errors as `load_stdit3`."""
    return _loaded(path, lambda: OpenSoraVAE(config)).to(device, dtype)


def _loaded(path: Path, build: Callable[[], Network]) -> Network:
    """The weights are in memory once: the network is built without any."""
    weights = read_tensors(path)
    with torch.device("meta"):
        network = build()
    load_strictly(network, weights, str(path))
    return network.eval().requires_grad_(False)
