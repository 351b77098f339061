"""Unconditional diffusion models of photos: noise a photo to a level of the schedule, and bring it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler, UNet2DModel
from torch import Tensor

from antibench.contracts import Place
from antibench.zoo.purifier_networks import PixelDiffusion
from antibench.zoo.purifiers import PURIFIERS, SIZE

from ._learned import Learned
from ._networks import network_of, normal, padded, resized, shorter_side


@dataclass(frozen=True)
class Diffusion:
    """A diffusion model.

    Attributes:
        noise_in: The noise in (B, 3, H, W), photos being in [-1, 1], at (B,) levels; level 0 is the least noise.
        schedule: Of the noise: the configuration of a scheduler of diffusers.
        side: Of the photos it was trained on, in pixels.
        multiple: What both sides of its input are multiples of.
    """

    noise_in: Callable[[Tensor, Tensor], Tensor]
    schedule: Mapping[str, Any]
    side: int
    multiple: int

    @property
    def levels(self) -> int:
        """How many levels the schedule has."""
        return int(self.schedule["num_train_timesteps"])


def diffusion_of(plugin: Learned, place: Place) -> Diffusion:
    """The plugin's diffusion model; from the hub a `UNet2DModel` beside its `scheduler_config.json`."""
    network = network_of(plugin, UNet2DModel, place)
    if isinstance(network, PixelDiffusion):
        schedule = DDPMScheduler(**PURIFIERS[plugin.network].network["scheduler"]).config
        return Diffusion(network, schedule, SIZE, network.fold * 2 ** (len(network.unet.config.block_out_channels) - 1))
    return Diffusion(
        lambda noised, level: network(noised, level, return_dict=False)[0],
        network_of(plugin, DDPMScheduler, place).config,
        network.config.sample_size,
        2 ** (len(network.config.block_out_channels) - 1),
    )


def ancestral(model: Diffusion, levels: int, steps: int) -> Any:
    """The sampler of Ho et al. 2020 (algorithm 2) from so many levels down to the photo, in at most so many steps.

    The variance is that of the posterior, whatever the checkpoint's own: the last of few steps then adds no noise.
    """
    scheduler = DDPMScheduler.from_config(dict(model.schedule), variance_type="fixed_small")
    marks = np.linspace(levels, 0, min(steps, levels) + 1)[:-1].round()
    if len(marks):
        scheduler.set_timesteps(timesteps=[int(mark) - 1 for mark in marks])
    else:
        scheduler.timesteps = scheduler.timesteps[:0]
    return scheduler


def deterministic(model: Diffusion, strength: float, steps: int) -> Any:
    """DDIM (Song et al. 2021, eta 0) over the last `strength` of `steps` steps that divide the whole schedule."""
    scheduler = DDIMScheduler.from_config(dict(model.schedule))
    scheduler.set_timesteps(steps)
    scheduler.timesteps = scheduler.timesteps[steps - round(strength * steps) :]
    return scheduler


def renewed(model: Diffusion, photos: Tensor, sampler: Any, generator: torch.Generator) -> Tensor:
    """Noise photos (B, 3, H, W) in [0, 1] to the sampler's first level, and denoise them by all of its steps.

    A sampler without a step leaves them as they are.
    """
    if len(sampler.timesteps) == 0:
        return photos
    height, width = photos.shape[-2:]
    x = padded(2 * photos - 1, model.multiple)
    x = sampler.add_noise(x, normal(x, generator), sampler.timesteps[:1])
    for level in sampler.timesteps:
        noise = model.noise_in(x, level.to(x.device).expand(len(x)))
        x = sampler.step(noise, level, x, generator=generator).prev_sample
    found: Tensor = (x[..., :height, :width] / 2 + 0.5).clamp(0, 1)
    return found


def within_side(model: Diffusion, photos: Tensor, renew: Callable[[Tensor], Tensor]) -> Tensor:
    """Renew photos at the size that the model knows: a shorter side above it is brought down to it, and up again."""
    size = tuple(photos.shape[-2:])
    if min(size) <= model.side:
        return renew(photos)
    return resized(renew(resized(photos, shorter_side(photos, model.side))), (size[0], size[1]))
