"""The networks of the small purifiers. What diffusers has, a U-Net, a noise schedule and a VAE, is taken from there."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DModel
from torch import Tensor, nn


class PixelDiffusion(nn.Module):
    """An unconditional diffusion model of photos (Ho et al. 2020): says which noise is in a noised photo.

    Attributes:
        alphas_cumprod: (T,) share of the photo's variance at each level of the schedule; level 0 is the least noise.
    """

    def __init__(self, fold: int, unet: dict[str, Any], scheduler: dict[str, Any]) -> None:
        """`fold` by `fold` pixels are one place of the U-Net; `unet` and `scheduler` are arguments of their classes."""
        super().__init__()
        channels = 3 * fold**2
        self.fold = fold
        self.unet = UNet2DModel(in_channels=channels, out_channels=channels, **unet)
        self.alphas_cumprod: Tensor
        self.register_buffer("alphas_cumprod", DDPMScheduler(**scheduler).alphas_cumprod, persistent=False)

    def forward(self, noised: Tensor, level: Tensor) -> Tensor:
        """The noise in (B, 3, H, W), photos being in [-1, 1], at the (B,) levels; H and W are multiples of 8."""
        folded = F.pixel_unshuffle(noised, self.fold)
        noise: Tensor = F.pixel_shuffle(self.unet(folded, level, return_dict=False)[0], self.fold)
        return noise

    def noised(self, photos: Tensor, level: Tensor, noise: Tensor) -> Tensor:
        """Photos (B, 3, H, W) in [-1, 1] at the (B,) levels (Ho et al. 2020, equation 4)."""
        share = self.alphas_cumprod[level].view(-1, 1, 1, 1)
        return share.sqrt() * photos + (1 - share).sqrt() * noise

    def clean(self, noised: Tensor, level: Tensor) -> Tensor:
        """The photos that the predicted noise leaves: the posterior mean, if the prediction is the best there is."""
        share = self.alphas_cumprod[level].view(-1, 1, 1, 1)
        noise: Tensor = self(noised, level)
        return (noised - (1 - share).sqrt() * noise) / share.sqrt()


class DnCNN(nn.Module):
    """A blind residual denoiser (Zhang et al. 2017), without batch normalisation."""

    def __init__(self, depth: int, width: int) -> None:
        """`depth` convolutions, of `width` channels between the first and the last."""
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), nn.ReLU()]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, 3, 3, padding=1))
        # Nothing normalises in between, so the weights have to keep the signal's size (He et al. 2015).
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(cast(Tensor, layer.bias))
        with torch.no_grad():
            cast(nn.Conv2d, self.layers[-1]).weight.mul_(0.1)

    def forward(self, photos: Tensor) -> Tensor:
        """Photos (B, 3, H, W) in [0, 1] without the noise that is seen in them; not clamped."""
        return photos - cast(Tensor, self.layers(photos - 0.5))


class _Residual(nn.Module):
    """Two convolutions beside the way through (Lim et al. 2017, EDSR)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        with torch.no_grad():
            self.second.weight.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        return x + cast(Tensor, self.second(F.relu(self.first(x))))


class SuperResolution(nn.Module):
    """Twice the size: bicubic enlargement and what residual blocks add to it (Lim et al. 2017; Shi et al. 2016)."""

    def __init__(self, blocks: int, width: int) -> None:
        """So many residual blocks of `width` channels."""
        super().__init__()
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.body = nn.Sequential(*(_Residual(width) for _ in range(blocks)))
        self.tail = nn.Conv2d(width, 12, 3, padding=1)
        with torch.no_grad():
            self.tail.weight.mul_(0.1)

    def forward(self, photos: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] to (B, 3, 2 H, 2 W); not clamped."""
        enlarged = F.interpolate(photos, scale_factor=2, mode="bicubic", align_corners=False)
        head = self.head(photos - 0.5)
        return enlarged + F.pixel_shuffle(self.tail(head + self.body(head)), 2)


def image_vae(config: dict[str, Any]) -> nn.Module:
    """The image VAE of latent diffusion (Rombach et al. 2022), photos in [-1, 1]."""
    vae: nn.Module = AutoencoderKL(**config)
    return vae
