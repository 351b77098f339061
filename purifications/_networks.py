"""The networks of the learned purifications: the embedded ones of the small world, or public ones from the hub.

A plugin's `network` is the name of an embedded network or ORG/NAME on the hub. Each is loaded once per process.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel

from antibench.contracts import Place
from antibench.errors import UserError
from antibench.models.hub import load_alone, load_pipeline, load_pretrained, require_commit
from antibench.models.origin import Origin
from antibench.zoo.purifiers import PURIFIERS, load_purifier

if TYPE_CHECKING:
    from ._learned import Learned


def check_network(plugin: Learned, task: str, *, hub: bool = True) -> None:
    """Check what a plugin says of its network; `hub` is whether one of the hub will do.

    Raises:
        ValueError: for a `network` that is neither an embedded one for this task nor a repository, and for a `revision`
            of an embedded one.
    """
    own = [name for name, purifier in PURIFIERS.items() if purifier.task == task]
    if plugin.network in own:
        if plugin.revision:
            raise ValueError(f"revision is for a repository of the hub, and {plugin.network} is part of antibench")
    elif not hub or plugin.network.count("/") != 1:
        known = " or ".join([*own, "ORG/NAME on the hub"] if hub else own)
        raise ValueError(f"network must be {known}, got {plugin.network!r}")


def network_of(plugin: Learned, kind: Any, place: Place) -> Any:
    """The plugin's network, frozen and in float32 on the device; `kind` is its class if it is from the hub.

    Raises:
        UserError: if the weights cannot be had, no commit is given, or an embedded network is to be read from a folder.
    """
    if not is_embedded(plugin):
        return _from_hub(kind, _origin_of(plugin, place), place.device)
    if place.weights is not None:
        raise UserError(
            f"{plugin.network} is part of antibench; give {plugin.name} another `network` for local weights"
        )
    return _embedded(plugin.network, place.device)


def is_embedded(plugin: Learned) -> bool:
    """Whether the plugin's network is part of antibench."""
    return plugin.network in PURIFIERS


def pipeline_of(plugin: Learned, kind: Any, place: Place) -> Any:
    """A pipeline of diffusers for the plugin, as `network_of`."""
    return _pipeline(kind, _origin_of(plugin, place), place.device)


def _origin_of(plugin: Learned, place: Place) -> Origin:
    """Where the plugin's network comes from, if it is not an embedded one."""
    return Origin(plugin.network, plugin.revision, plugin.name, local=place.weights)


def normal(like: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal noise of the shape, and on the device, of `like`."""
    return torch.randn(like.shape, generator=generator, device=generator.device).to(like)


def padded(image: Tensor, multiple: int) -> Tensor:
    """(B, C, H, W) with its last row and column repeated until both sides are multiples."""
    height, width = image.shape[-2:]
    return F.pad(image, (0, -width % multiple, 0, -height % multiple), mode="replicate")


def resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, C, H, W) in [0, 1] at another (height, width): bicubic, antialiased."""
    if tuple(image.shape[-2:]) == size:
        return image
    return F.interpolate(image, size=size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)


def shorter_side(image: Tensor, side: int) -> tuple[int, int]:
    """The (height, width) that brings the shorter side of (B, C, H, W) to `side` pixels."""
    height, width = image.shape[-2:]
    scale = side / min(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def coarseness(vae: Any) -> int:
    """Pixels a latent along each side."""
    return int(2 ** (len(vae.config.block_out_channels) - 1))


@lru_cache(maxsize=8)
def _embedded(name: str, device: str) -> nn.Module:
    with torch.random.fork_rng(devices=[]):  # fresh weights are drawn before the trained ones replace them
        return load_purifier(name).to(device)


@lru_cache(maxsize=8)
def _from_hub(kind: Any, origin: Origin, device: str) -> Any:
    require_commit(origin, "revision")
    with torch.random.fork_rng(devices=[]):
        if issubclass(kind, PreTrainedModel):
            found = load_pretrained(kind, origin, dtype=torch.float32, use_safetensors=True)
        else:
            found = load_alone(kind, origin)
    return found.eval().requires_grad_(False).to(device) if isinstance(found, nn.Module) else found


@lru_cache(maxsize=2)
def _pipeline(kind: Any, origin: Origin, device: str) -> Any:
    with torch.random.fork_rng(devices=[]):
        pipe = load_pipeline(kind, origin, "float32", device)
    pipe.set_progress_bar_config(disable=True)
    return pipe
