"""Blind denoising by a convolutional network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from antibench.contracts import Card, Place
from antibench.zoo.purifier_networks import DnCNN

from ._cards import DNCNN, EMBEDDED
from ._learned import Learned, whole
from ._networks import check_network, network_of


@dataclass(frozen=True)
class Denoiser(Learned):
    """Strength is how many times the network is applied, a whole number.

    Attributes:
        network: "purifier-denoiser-small"; there is no other.
    """

    network: str = "purifier-denoiser-small"
    name: ClassVar[str] = "denoiser"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Blind residual denoiser (DnCNN)",
        source="Zhang et al. 2017, equation 1",
        year=2017,
        arxiv="1608.03981",
        citation=DNCNN,
        native_space="[0, 1], any size; blind to Gaussian noise of up to 55 levels",
        deviations=(
            "No batch normalisation; trained on Gaussian, uniform and random-sign noise of up to 16 levels.",
            "Embedded only: diffusers and transformers hold no denoiser of real photos, which this one never saw.",
            "The paper applies it once; more often is no strength of the paper's.",
        ),
        notes=f"{EMBEDDED} A photo of 64 px takes 0.03, 0.05 and 0.1 s of one core.",
    )
    grid: ClassVar[tuple[float, ...]] = (1, 2, 4)
    stochastic: ClassVar[bool] = False
    backend: ClassVar[str] = "torch conv2d"
    local_files: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        check_network(self, "denoiser", hub=False)

    def purified(self, photo: Tensor, strength: float, generator: torch.Generator, place: Place) -> Tensor:
        """Denoise (1, 3, H, W) in [0, 1], so many times."""
        network = network_of(self, DnCNN, place)
        for _ in range(whole(strength, "denoiser")):
            photo = network(photo).clamp(0, 1)
        return photo
