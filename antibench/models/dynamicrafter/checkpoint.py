"""Reading a published checkpoint of DynamiCrafter into its networks."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from antibench.models.dynamicrafter.config import DynamiCrafterConfig
from antibench.models.dynamicrafter.networks import DynamiCrafterNetworks
from antibench.models.weights import load_strictly, read_tensors


def load_networks(
    path: Path, config: DynamiCrafterConfig, dtype: torch.dtype = torch.float32, device: str = "cpu"
) -> DynamiCrafterNetworks:
    """Build the networks with the weights of a file, frozen, in evaluation mode; the weights are in memory once.

    Args:
        path: A `.ckpt` of torch, read without running code, or a `.safetensors`.
        config: The model it is said to hold.
        dtype: Type of the weights; the schedule stays float32.
        device: Torch device.

    Raises:
        UserError: if the file is missing, broken, or holds another model.
    """
    weights = read_weights(path)
    with torch.device("meta"):
        networks = DynamiCrafterNetworks(config)
    load_strictly(networks, weights, str(path))
    for part in networks.children():
        part.to(dtype)
    return networks.to(device).eval().requires_grad_(False)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint under the names that the networks use: one differs between the published files.

    Raises:
        UserError: if the file is missing or broken.
    """
    return {name.replace(".framestride_embed.", ".fps_embedding."): value for name, value in read_tensors(path).items()}
