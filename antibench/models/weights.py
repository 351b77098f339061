"""Weights of a checkpoint file, read without running code and loaded strictly; one message says what does not fit."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from antibench.errors import UserError

DEEPSPEED_PREFIX = 16
"""Characters before the names in a file that DeepSpeed saved."""
SHOWN = 3
"""How many names of each kind of mistake a message gives."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint under their names in the file.

    Args:
        path: A `.safetensors`, or else a file of torch, which is read without running code: tensors by name, plain,
            below `state_dict`, or below the `module` of DeepSpeed.

    Raises:
        UserError: if the file is missing or broken, or holds no weights.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        saved = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path}: not a whole checkpoint ({reason}); download it again") from error
    return _unwrapped(saved, path)


def check_whole(path: Path, shown: str) -> None:
    """Check that a `.safetensors` file was not cut short; its weights are not read.

    Args:
        path: The file.
        shown: What to call it in a message.

    Raises:
        UserError: if its header is broken, or it does not hold all that the header says.
    """
    try:
        with safe_open(path, framework="pt"):
            pass
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{shown}: not a whole checkpoint ({reason}); download it again") from error


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
    return told_misfit(
        missing=[name for name in wanted if name not in found],
        unexpected=[name for name in found if name not in wanted],
        changed=[(name, found[name], shape) for name, shape in wanted.items() if found.get(name, shape) != shape],
    )


def told_misfit(
    missing: Iterable[str], unexpected: Iterable[str], changed: Iterable[tuple[str, tuple[int, ...], tuple[int, ...]]]
) -> str:
    """The first names of each mistake, in one line; empty if there is none.

    Args:
        missing: Weights that the network has and the file has not.
        unexpected: Weights that the file alone has.
        changed: Name, shape in the file and shape in the network of those that differ.
    """
    faults = {
        "missing": list(missing),
        "unexpected": list(unexpected),
        "of another shape": [f"{name} {tuple(found)}, not {tuple(wanted)}" for name, found, wanted in changed],
    }
    return "; ".join(f"{len(names)} {kind}: {_listed(names)}" for kind, names in faults.items() if names)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (" ..." if len(names) > SHOWN else "")


def _unwrapped(saved: Any, path: Path) -> dict[str, Tensor]:
    """The tensors in what torch loaded."""
    if isinstance(saved, dict):
        if "state_dict" in saved:
            saved = saved["state_dict"]
        elif "module" in saved:
            saved = {name[DEEPSPEED_PREFIX:]: value for name, value in saved["module"].items()}
    if not isinstance(saved, dict) or not all(isinstance(value, Tensor) for value in saved.values()):
        raise UserError(f"{path}: holds no weights, neither plain nor below `state_dict` or `module`")
    return saved
