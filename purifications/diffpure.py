"""DiffPure: noise that drowns the perturbation, and a diffusion model that takes both away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from antibench.contracts import Card, Place

from ._cards import AT_64, DIFFPURE, EMBEDDED
from ._diffusion import ancestral, diffusion_of, renewed, within_side
from ._learned import Learned
from ._networks import check_network


@dataclass(frozen=True)
class DiffPure(Learned):
    """Strength is t*, the share of the schedule's levels up to which the photo is noised, in [0, 1].

    Attributes:
        network: "purifier-diffusion-small", or a `UNet2DModel` on the hub such as google/ddpm-celebahq-256.
        revision: Its commit on the hub.
        steps: Reverse steps at most, evenly spaced between t* and the photo.
    """

    network: str = "purifier-diffusion-small"
    revision: str = ""
    steps: int = 10
    name: ClassVar[str] = "diffpure"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="DiffPure: noise to t*, then the reverse process of a diffusion model",
        source="Nie et al. 2022; reverse process Ho et al. 2020, algorithm 2",
        year=2022,
        arxiv="2205.07460",
        citation=DIFFPURE,
        licence="NVIDIA Source Code License, none of whose code is used; google/ddpm-celebahq-256: Apache-2.0",
        native_space="RGB in [-1, 1] at 256 px (ImageNet, CelebA-HQ), t* 0.15 of 1000 levels against 4 px/255",
        deviations=(
            "DDPM's ancestral steps in place of the SDE solver, `steps` of them in place of every level.",
            "The unconditional ADM of ImageNet is not published in a form that is read here.",
            "A photo whose shorter side is above the model's is brought to it and back.",
            AT_64,
            "The twin takes the photo back in one step, differentiably.",
        ),
        notes=f"{EMBEDDED} A photo of 64 px takes 0.3 s at each strength of one core.",
    )
    grid: ClassVar[tuple[float, ...]] = (0.05, 0.10, 0.15)
    stochastic: ClassVar[bool] = True
    backend: ClassVar[str] = "diffusers DDPMScheduler"
    local_files: ClassVar[tuple[str, ...]] = ("config.json", "scheduler_config.json")

    def __post_init__(self) -> None:
        check_network(self, "diffusion")
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")

    def purified(self, photo: Tensor, strength: float, generator: torch.Generator, place: Place) -> Tensor:
        """Noise (1, 3, H, W) in [0, 1] to t*, and take the noise back."""
        if not 0 <= strength <= 1:
            raise ValueError(f"diffpure strength is t*, from 0 to 1, got {strength}")
        model = diffusion_of(self, place)
        sampler = ancestral(model, round(strength * model.levels), self.steps)
        return within_side(model, photo, lambda seen: renewed(model, seen, sampler, generator))

    def twin(self, image: Tensor, *, strength: float, generator: torch.Generator) -> Tensor:
        """One reverse step, to the posterior mean: (1, 3, H, W) -> (1, 3, H, W)."""
        return replace(self, steps=1).purified(image, strength, generator, Place(str(image.device)))
