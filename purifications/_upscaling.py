"""Super-resolution networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from transformers import Swin2SRForImageSuperResolution

from antibench.contracts import Place
from antibench.zoo.purifier_networks import SuperResolution

from ._learned import Learned
from ._networks import network_of, padded


@dataclass(frozen=True)
class Upscaler:
    """A super-resolution network.

    Attributes:
        enlarge: (B, 3, H, W) in [0, 1] to (B, 3, scale H, scale W).
        scale: How much larger its result is.
        multiple: What both sides of its input are multiples of.
    """

    enlarge: Callable[[Tensor], Tensor]
    scale: int
    multiple: int = 1

    def __call__(self, photos: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] to (B, 3, scale H, scale W) in [0, 1]."""
        height, width = photos.shape[-2:]
        large = self.enlarge(padded(photos, self.multiple))
        return large[..., : self.scale * height, : self.scale * width].clamp(0, 1)


def upscaler_of(plugin: Learned, place: Place) -> Upscaler:
    """The plugin's network; from the hub a Swin2SR."""
    network = network_of(plugin, Swin2SRForImageSuperResolution, place)
    if isinstance(network, SuperResolution):
        return Upscaler(network, scale=2)
    return Upscaler(lambda photos: network(photos).reconstruction, network.config.upscale, network.config.window_size)
