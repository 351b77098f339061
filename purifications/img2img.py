"""SDEdit: an image-to-image pass of a diffusion model at low strength."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from diffusers import StableDiffusionImg2ImgPipeline
from torch import Tensor

from antibench.contracts import Card, Place

from ._cards import AT_64, EMBEDDED, SDEDIT
from ._diffusion import ancestral, deterministic, diffusion_of, renewed, within_side
from ._learned import Learned
from ._networks import check_network, is_embedded, padded, pipeline_of, resized, shorter_side

NATIVE = 512
"""Pixels of the shorter side below which Stable Diffusion is not asked to work."""


@dataclass(frozen=True)
class Img2Img(Learned):
    """Strength is the share of the sampler's steps that are redone, in (0, 1].

    Attributes:
        network: "purifier-diffusion-small", or a Stable Diffusion on the hub such as
            stable-diffusion-v1-5/stable-diffusion-v1-5.
        revision: Its commit on the hub.
        steps: Of the whole schedule, as `num_inference_steps`: strength 0.2 runs ten of 50.
        prompt: For Stable Diffusion; the small model has none.
        guidance: Its weight.
    """

    network: str = "purifier-diffusion-small"
    revision: str = ""
    steps: int = 50
    prompt: str = "a photo of a person"
    guidance: float = 7.5
    name: ClassVar[str] = "img2img"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="SDEdit: image-to-image diffusion at low strength",
        source="Meng et al. 2022, as the image-to-image pipeline of Stable Diffusion",
        year=2022,
        arxiv="2108.01073",
        citation=SDEDIT,
        licence="stable-diffusion-v1-5: CreativeML Open RAIL-M",
        native_space="latents of RGB in [-1, 1] at 512 px",
        deviations=(
            "The small model is unconditional and works on pixels, with no VAE before it; from `diffpure` it differs "
            "by the sampler, which draws nothing after the first noise (DDIM), and by its strengths.",
            "Stable Diffusion gets a photo whose shorter side is below 512 px enlarged to that; the result is resized.",
            "Prompt and guidance are the pipeline's customary ones. A photo that its safety checker blackens fails.",
            AT_64,
            "The twin is one pass through the small model, differentiably; Stable Diffusion has none.",
        ),
        notes=f"{EMBEDDED} A photo of 64 px takes 0.15, 0.3 and 0.4 s of one core.",
    )
    grid: ClassVar[tuple[float, ...]] = (0.1, 0.2, 0.3)
    stochastic: ClassVar[bool] = True
    backend: ClassVar[str] = "diffusers DDIMScheduler, StableDiffusionImg2ImgPipeline"
    local_files: ClassVar[tuple[str, ...]] = ("model_index.json",)

    def __post_init__(self) -> None:
        check_network(self, "diffusion")
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")

    def purified(self, photo: Tensor, strength: float, generator: torch.Generator, place: Place) -> Tensor:
        """Redo the last share of the steps for (1, 3, H, W) in [0, 1]."""
        if not 0 < strength <= 1:
            raise ValueError(f"img2img strength is above 0 and up to 1, got {strength}")
        if not is_embedded(self):
            return self._by_pipeline(photo, strength, generator, place)
        model = diffusion_of(self, place)
        sampler = deterministic(model, strength, self.steps)
        return within_side(model, photo, lambda seen: renewed(model, seen, sampler, generator))

    def twin(self, image: Tensor, *, strength: float, generator: torch.Generator) -> Tensor | None:
        """One pass through the small model: (1, 3, H, W) -> (1, 3, H, W); None with the pipeline."""
        if not is_embedded(self):
            return None
        model = diffusion_of(self, Place(str(image.device)))
        sampler = ancestral(model, round(strength * model.levels), 1)
        return within_side(model, image, lambda seen: renewed(model, seen, sampler, generator))

    def _by_pipeline(self, photo: Tensor, strength: float, generator: torch.Generator, place: Place) -> Tensor:
        pipe = pipeline_of(self, StableDiffusionImg2ImgPipeline, place)
        size = photo.shape[-2], photo.shape[-1]
        seen = resized(photo, shorter_side(photo, NATIVE)) if min(size) < NATIVE else photo
        how = {"num_inference_steps": self.steps, "guidance_scale": self.guidance, "generator": generator}
        whole = padded(seen, pipe.vae_scale_factor)
        made = pipe(self.prompt, whole, strength=strength, output_type="pt", **how)
        if made.nsfw_content_detected and any(made.nsfw_content_detected):
            raise ValueError(f"the safety checker of {self.network} blackened the photo")
        return resized(made.images.to(photo)[..., : seen.shape[-2], : seen.shape[-1]], size)
