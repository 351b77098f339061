"""Noise, and an upscaler that takes it for the grain of a small photo."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from diffusers import StableDiffusionUpscalePipeline
from torch import Tensor

from antibench.contracts import Card, Place

from ._cards import EMBEDDED, NOISY_UPSCALING
from ._learned import Learned
from ._networks import check_network, is_embedded, normal, padded, pipeline_of, resized
from ._upscaling import upscaler_of

MOST_LEVEL = 320
"""Of the noise in one pass; a strength above it takes several, of equal levels."""


@dataclass(frozen=True)
class NoisyUpscaling(Learned):
    """Strength is the noise level of Stable Diffusion's upscaler, 1 to 320; above, as 640, the sum of several passes.

    Attributes:
        network: "purifier-sr-small", or a `StableDiffusionUpscalePipeline` on the hub such as
            stabilityai/stable-diffusion-x4-upscaler.
        revision: Its commit on the hub.
        noise: Standard deviation of the noise before a pass of level 320, as a share of the range; less below.
        steps: Of the pipeline's sampler, on the hub.
        guidance: Its weight of the prompt "a picture".
    """

    network: str = "purifier-sr-small"
    revision: str = ""
    noise: float = 0.1
    steps: int = 50
    guidance: float = 4.0
    name: ClassVar[str] = "noisy-upscaling"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Noisy upscaling: noise, an upscaler, and back to size",
        source="Hönig et al. 2025",
        year=2025,
        arxiv="2406.12027",
        citation=NOISY_UPSCALING,
        licence="robust-style-mimicry: MIT; stable-diffusion-x4-upscaler: CreativeML Open RAIL++-M",
        native_space="RGB, 512 px; SD x4 upscaler at noise level 320",
        deviations=(
            "The standard deviation of the first noise is not stated for this path: 0.1 at level 320, less below.",
            "The small upscaler is told no level and enlarges twice, not four times; it saw noise of up to 0.1.",
            "Prompt, guidance and steps are those of PDM-Pure's upscaling.",
            "At 64 px the noise hides more of a face than at 512 px.",
        ),
        notes=f"{EMBEDDED} A photo of 64 px takes 0.03, 0.03 and 0.05 s of one core.",
    )
    grid: ClassVar[tuple[float, ...]] = (160, 320, 640)
    stochastic: ClassVar[bool] = True
    backend: ClassVar[str] = "torch conv2d, diffusers StableDiffusionUpscalePipeline"
    local_files: ClassVar[tuple[str, ...]] = ("model_index.json",)

    def __post_init__(self) -> None:
        check_network(self, "super-resolution")
        if not 0 <= self.noise <= 1 or self.steps < 1:
            raise ValueError(f"noise must be from 0 to 1 and steps from 1, got {self.noise} and {self.steps}")

    def purified(self, photo: Tensor, strength: float, generator: torch.Generator, place: Place) -> Tensor:
        """Noise and upscale (1, 3, H, W) in [0, 1], pass after pass."""
        if not strength >= 1:
            raise ValueError(f"noisy-upscaling strength is a noise level from 1, got {strength}")
        height, width = photo.shape[-2:]
        passes = math.ceil(strength / MOST_LEVEL)
        level = strength / passes
        for _ in range(passes):
            noisy = (photo + self.noise * level / MOST_LEVEL * normal(photo, generator)).clamp(0, 1)
            photo = resized(self._enlarged(noisy, round(level), generator, place), (height, width))
        return photo

    def twin(self, image: Tensor, *, strength: float, generator: torch.Generator) -> Tensor | None:
        """The same, differentiable, with the small network; None with the pipeline, which gives no gradient."""
        return super().twin(image, strength=strength, generator=generator) if is_embedded(self) else None

    def _enlarged(self, photo: Tensor, level: int, generator: torch.Generator, place: Place) -> Tensor:
        if is_embedded(self):
            return upscaler_of(self, place)(photo)
        pipe = pipeline_of(self, StableDiffusionUpscalePipeline, place)
        how = {"num_inference_steps": self.steps, "guidance_scale": self.guidance, "generator": generator}
        small = padded(photo, pipe.vae_scale_factor)
        large: Tensor = pipe("a picture", small, noise_level=level, output_type="pt", **how).images.to(photo)
        scale = large.shape[-1] // small.shape[-1]
        return large[..., : scale * photo.shape[-2], : scale * photo.shape[-1]]
