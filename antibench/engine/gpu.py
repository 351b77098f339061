"""Does a model fit the GPU, and what would make it fit?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class GpuMemory:
    """Memory of a GPU in bytes."""

    free: int
    total: int


def gpu_memory(device: str) -> GpuMemory | None:
    """The memory of a device; None for the CPU."""
    if not device.startswith("cuda"):
        return None
    import torch

    free, total = torch.cuda.mem_get_info(device)
    return GpuMemory(free, total)


def too_large(spec: Any, label: str, gpu: GpuMemory | None) -> str | None:
    """Why a model cannot fit a GPU, whatever is done with it: its weights alone take more than there is.

    Args:
        spec: The model's spec.
        label: What the suite calls it.
        gpu: The memory there is; None if there is no GPU.
    """
    needed = weights_gb(spec)
    if gpu is None or needed is None or needed * 1e9 <= gpu.total:
        return None
    return shortage(spec, label, gpu)


def shortage(spec: Any, label: str, gpu: GpuMemory | None, beside: Sequence[str] = ()) -> str:
    """How much a model needs, how much there is, and which options lower the need.

    Args:
        spec: The model's spec.
        label: What the suite calls it.
        gpu: The memory there is; None if it is not known.
        beside: Labels of the other models that the same worker holds.
    """
    needed = weights_gb(spec)
    need = f"about {needed:g} GB" if needed is not None else "an amount that its card does not know"
    has = "" if gpu is None else f"; the GPU has {gpu.total / 1e9:.1f} GB, {gpu.free / 1e9:.1f} GB of them free"
    held = f"; {', '.join(beside)} loaded beside it, which `--model` can leave out" if beside else ""
    options = [f"`--set models.{label}.{option}`" for option in _savings(spec)]
    remedy = f"try {', '.join(options)}" if options else "none of its parameters takes less: use a larger GPU"
    return f"too little GPU memory for {label}: its weights take {need}, activations come on top{has}{held}; {remedy}"


def weights_gb(spec: Any) -> float | None:
    """What the weights take on the GPU with a model's parameters, in GB; None if its card does not know.

    The card's figure is for the default parameters: weights in bfloat16, a text encoder in `text_dtype` if it has one.
    """
    whole = spec.card.weights_gb
    if whole is None:
        return None
    text: float = spec.card.text_gb
    rest: float = whole - text
    if getattr(spec, "dtype", "") == "float32":
        rest *= 2
    if getattr(spec, "low_memory", False):
        text = 0.0
    elif hasattr(spec, "text_dtype"):
        text *= 1.0 if spec.text_dtype == "float32" else 0.5
    elif getattr(spec, "dtype", "") == "float32":
        text *= 2
    return round(rest + text, 1)


def _savings(spec: Any) -> list[str]:
    """The parameters that would lower the need, as assignments; those that are set so already are left out."""
    has = {field.name: getattr(spec, field.name) for field in dataclasses.fields(spec)}
    found = []
    if has.get("low_memory") is False:
        found.append("low_memory=true")
        if has.get("recompute", 1.0) < 1:
            found.append("recompute=1")
    for dtype in ("dtype", "text_dtype"):
        if has.get(dtype) == "float32":
            found.append(f"{dtype}=bfloat16")
    return found
