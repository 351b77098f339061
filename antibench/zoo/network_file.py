"""Where a small network beside the models has its weights, and how they are written: safetensors, in eight bits."""

from __future__ import annotations

from collections.abc import Collection
from importlib.resources import as_file, files
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from antibench.errors import UserError
from antibench.zoo import eight_bit

NETWORK = "network.safetensors"
Network = TypeVar("Network", bound=nn.Module)


def network_folder(name: str, known: Collection[str], kind: str) -> Path:
    """The folder of the shipped weights.

    Args:
        name: Of the network.
        known: The names there are.
        kind: What an unknown one is called, such as "small purifier".

    Raises:
        UserError: unknown network, or weights that this installation does not hold.
    """
    if name not in known:
        raise UserError(f"no {kind} {name!r} (there are {', '.join(known)})")
    with as_file(files("antibench.zoo") / "weights" / name) as folder:
        if not (folder / NETWORK).is_file():
            raise UserError(f"{name} has no weights here: run `python -m antibench.zoo.train {name}` on a GPU")
        return folder


def read_network(network: Network, folder: Path) -> Network:
    """Fill a network with the weights of a folder; it comes back frozen, in evaluation mode, in float32."""
    network.load_state_dict(eight_bit.restored(load_file(folder / NETWORK)), strict=True)
    return network.eval().requires_grad_(False)


def write_network(network: nn.Module, folder: Path) -> None:
    """Write the weights of a network into a folder, which is made if need be."""
    state: dict[str, torch.Tensor] = network.state_dict()
    folder.mkdir(parents=True, exist_ok=True)
    save_file(eight_bit.packed(state), folder / NETWORK)
