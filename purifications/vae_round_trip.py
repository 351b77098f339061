"""Encoding and decoding by an image VAE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from antibench.contracts import Card, Place

from ._cards import EMBEDDED, WAVES
from ._learned import Learned, whole
from ._networks import check_network, coarseness, network_of, padded


@dataclass(frozen=True)
class VaeRoundTrip(Learned):
    """Strength is how many times the photo goes through the VAE, a whole number.

    Attributes:
        network: "purifier-vae-small", or an `AutoencoderKL` on the hub such as stabilityai/sd-vae-ft-mse.
        revision: Its commit on the hub.
    """

    network: str = "purifier-vae-small"
    revision: str = ""
    name: ClassVar[str] = "vae-round-trip"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Encode and decode by an image VAE that no victim has",
        source="An et al. 2024 (regeneration by a KL-VAE)",
        year=2024,
        arxiv="2401.08573",
        citation=WAVES,
        licence="stabilityai/sd-vae-ft-mse: MIT",
        native_space="RGB in [-1, 1]; Stable Diffusion's VAE at 256 to 512 px, eight pixels a latent",
        deviations=(
            "The mean of the posterior is decoded, so that nothing is drawn.",
            "The small VAE has four pixels a latent: eight would leave 8 x 8 latents of a photo of 64 px.",
        ),
        notes=f"{EMBEDDED} A photo of 64 px takes 0.03 and 0.08 s of one core.",
    )
    grid: ClassVar[tuple[float, ...]] = (1, 3)
    stochastic: ClassVar[bool] = False
    backend: ClassVar[str] = "diffusers AutoencoderKL"
    local_files: ClassVar[tuple[str, ...]] = ("config.json",)

    def __post_init__(self) -> None:
        check_network(self, "vae")

    def purified(self, photo: Tensor, strength: float, generator: torch.Generator, place: Place) -> Tensor:
        """Send (1, 3, H, W) in [0, 1] through the VAE, so many times."""
        vae = network_of(self, AutoencoderKL, place)
        x = padded(2 * photo - 1, coarseness(vae))
        for _ in range(whole(strength, "vae-round-trip")):
            x = vae(x).sample.clamp(-1, 1)
        return x[..., : photo.shape[-2], : photo.shape[-1]] / 2 + 0.5
