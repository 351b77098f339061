"""An encoded pool kept in a file, so that a later run of the same stage neither renders nor encodes it again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from antibench.datasets.portraits import Portraits
from antibench.errors import UserError
from antibench.zoo.recipes import Recipe
from antibench.zoo.training.draws import Batch


def pool_key(recipe: Recipe, clips: int, vae: Path) -> str:
    """What a pool depends on: the rendered world, the model, its noise, how many clips, and the file of the VAE."""
    made = f"{recipe.name} {clips}"
    return f"portraits@{Portraits.version} {made} {hashlib.sha256(vae.read_bytes()).hexdigest()}"


def cached_pool(path: Path | None, key: str, make: Callable[[], Batch], device: torch.device) -> Batch:
    """The pool in the file, or a new one that is written to it; latents and tokens are in float16 either way.

    Args:
        path: The file, safetensors; None keeps nothing.
        key: What the pool depends on.
        make: Renders and encodes it.
        device: Where to put it.

    Raises:
        UserError: if the file holds a pool that was made otherwise.
    """
    if path is None:
        return make()
    if path.is_file():
        with safe_open(path, "pt") as file:
            found = (file.metadata() or {}).get("key", "")
        if found != key:
            raise UserError(f"{path} holds another pool ({found[:60]!r}); remove it or name another file")
        return load_file(path, device=str(device))
    data = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file({name: value.contiguous() for name, value in data.items()}, part, metadata={"key": key})
    part.replace(path)
    return data
