"""Reading a published checkpoint into the networks, strictly, and saying in one message what does not fit."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from antibench.errors import UserError
from antibench.models.dynamicrafter.config import DynamiCrafterConfig
from antibench.models.dynamicrafter.networks import DynamiCrafterNetworks

DEEPSPEED_PREFIX = 16
"""Characters before the names in a file that DeepSpeed saved."""
SHOWN = 3
"""How many names of each kind of mistake a message gives."""


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
    """The tensors of a checkpoint under the names that the networks use.

    Raises:
        UserError: if the file is missing or broken.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        if path.suffix == ".safetensors":
            return _renamed(load_file(path))
        saved = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path}: not a whole checkpoint ({reason}); download it again") from error
    return _renamed(_unwrapped(saved, path))


def load_strictly(module: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Take over all weights as they are, or none.

    Args:
        module: Where they go; may be on the meta device.
        weights: By name.
        source: What to call them in a message.

    Raises:
        UserError: naming the first missing, unexpected and mis-shaped weights.
    """
    fault = misfit({name: tuple(value.shape) for name, value in weights.items()}, shapes(module))
    if fault:
        raise UserError(f"{source} does not fit the model: {fault}")
    module.load_state_dict(dict(weights), strict=True, assign=True)


def shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """Shape of each saved parameter and buffer."""
    return {name: tuple(value.shape) for name, value in module.state_dict().items()}


def misfit(found: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]]) -> str:
    """How the shapes found differ from those wanted, in one line; empty if they do not."""
    changed = [
        f"{name} {found[name]}, not {shape}" for name, shape in wanted.items() if found.get(name, shape) != shape
    ]
    faults = {
        "missing": [name for name in wanted if name not in found],
        "unexpected": [name for name in found if name not in wanted],
        "of another shape": changed,
    }
    return "; ".join(f"{len(names)} {kind}: {_listed(names)}" for kind, names in faults.items() if names)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (" ..." if len(names) > SHOWN else "")


def _unwrapped(saved: Any, path: Path) -> dict[str, Tensor]:
    """The tensors in what torch loaded: plain, below `state_dict`, or below DeepSpeed's `module`."""
    if isinstance(saved, dict):
        if "state_dict" in saved:
            saved = saved["state_dict"]
        elif "module" in saved:
            saved = {name[DEEPSPEED_PREFIX:]: value for name, value in saved["module"].items()}
    if not isinstance(saved, dict) or not all(isinstance(value, Tensor) for value in saved.values()):
        raise UserError(f"{path}: holds no weights, neither plain nor below `state_dict` or `module`")
    return saved


def _renamed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """With the one name that differs between the published files."""
    return {name.replace(".framestride_embed.", ".fps_embedding."): value for name, value in weights.items()}
