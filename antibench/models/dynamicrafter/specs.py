"""The models of DynamiCrafter. Planning reads this file, so nothing heavy is imported before a model is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from antibench.contracts import Gives, ModelCard, VideoModel
from antibench.models.computing import Computing
from antibench.models.specs import SVD_GIVES, Dtype, small_card, small_size
from antibench.zoo.recipes import RECIPES

REVISIONS = {
    "512": "9eb874455b7903c0244fe7bf53ca21cb979cd05a",
    "1024": "f7976a1ee2d962aae35d21702994052be0152896",
    "256": "1e5a3f46f5b3d52b43fb37699a0e632f89ed57d5",
}
"""Commits of the hub by the width that the models are named after."""

_CITATION = """@article{xing2023dynamicrafter,
  title = {DynamiCrafter: Animating Open-domain Images with Video Diffusion Priors},
  author = {Xing, Jinbo and others}, journal = {arXiv:2310.12190}, year = {2023}}"""
_LICENCE = "Code: Apache-2.0 with a clause for research only, not commercial. Weights: LICENSE of their repository"


def _card(width: str, repo_id: str, gigabytes: float) -> ModelCard:
    return ModelCard(
        f"DynamiCrafter {width}",
        source="Xing et al.; values of the published configuration and scripts",
        year=2023,
        arxiv="2310.12190",
        citation=_CITATION,
        licence=_LICENCE,
        repo_id=repo_id,
        revision=REVISIONS[width],
        deviations=(
            "The photo is cut and resized to fill the frame; the original pads a narrow one with black.",
            "Weights in bfloat16; the original has float32 weights under float16 autocast.",
        ),
        download_gb=10.4,
        weights_gb=5.2,
        notes=(
            f"A file of 10.4 GB. The authors report {gigabytes} GB of GPU memory for a clip; the gradient of a guided "
            "step, for which the U-Net's activations are computed again, was not measured."
        ),
    )


@dataclass(frozen=True)
class DynamiCrafterSpec(Computing):
    """What the published models share. How they compute: `Computing`.

    Attributes:
        steps: DDIM steps.
        guidance: Guidance scale.
        guidance_rescale: How much of the conditional prediction's standard deviation guidance keeps.
        eta: Share of the noise of ancestral sampling.
        fs: The speed the model is told.
        dtype: Type of the weights; images and losses stay in float32.
        revision: Commit of the weights.
    """

    steps: int = 50
    guidance: float = 7.5
    guidance_rescale: float = 0.7
    eta: float = 1.0
    fs: int = 24
    dtype: Dtype = "bfloat16"
    revision: str = ""

    name: ClassVar[str] = ""
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard]
    size: ClassVar[tuple[int, int]]
    frames: ClassVar[int] = 16
    gives: ClassVar[frozenset[Gives]] = SVD_GIVES | {"text"}
    local_files: ClassVar[tuple[str, ...]] = ("model.ckpt",)
    preset: ClassVar[str]
    """Which of `presets.PRESETS` it is."""

    def load(self, device: str, weights: Path | None = None) -> VideoModel:
        """Load the weights from the folder given, else from the hub or its cache."""
        from antibench.models.real import load_dynamicrafter

        return load_dynamicrafter(
            self,
            device,
            weights,
            steps=self.steps,
            guidance_scale=self.guidance,
            guidance_rescale=self.guidance_rescale,
            eta=self.eta,
            fs=self.fs,
        )


@dataclass(frozen=True)
class DynamiCrafter512(DynamiCrafterSpec):
    """DynamiCrafter at 320 x 512; `fs` of 15 to 30 frames per second, fewer for more motion."""

    revision: str = REVISIONS["512"]

    name: ClassVar[str] = "dynamicrafter-512"
    card: ClassVar[ModelCard] = _card("512", "Doubiiu/DynamiCrafter_512", 12.8)
    size: ClassVar[tuple[int, int]] = (320, 512)
    preset: ClassVar[str] = "512"


@dataclass(frozen=True)
class DynamiCrafter1024(DynamiCrafterSpec):
    """DynamiCrafter at 576 x 1024; `fs` of 5 to 15 frames per second, fewer for more motion."""

    fs: int = 10
    revision: str = REVISIONS["1024"]

    name: ClassVar[str] = "dynamicrafter-1024"
    card: ClassVar[ModelCard] = _card("1024", "Doubiiu/DynamiCrafter_1024", 18.3)
    size: ClassVar[tuple[int, int]] = (576, 1024)
    preset: ClassVar[str] = "1024"


@dataclass(frozen=True)
class DynamiCrafter256(DynamiCrafterSpec):
    """DynamiCrafter at 256 x 256, which predicts the noise; `fs` is the stride between frames, more for more motion."""

    guidance_rescale: float = 0.0
    fs: int = 3
    revision: str = REVISIONS["256"]

    name: ClassVar[str] = "dynamicrafter-256"
    card: ClassVar[ModelCard] = _card("256", "Doubiiu/DynamiCrafter", 11.9)
    size: ClassVar[tuple[int, int]] = (256, 256)
    preset: ClassVar[str] = "256"


_SMALL: dict[str, Any] = RECIPES["dynamicrafter-small"].sampling


@dataclass(frozen=True)
class DynamiCrafterSmall:
    """A small DynamiCrafter, trained on rendered portraits, with tokens of EfficientNet-Lite0 and of captions.

    Attributes:
        steps: DDIM steps.
        guidance: Guidance scale.
        caption_guided: Guidance runs over caption and image tokens together, as published; else over the tokens alone.
        guidance_rescale: How much of the conditional prediction's standard deviation guidance keeps.
        eta: Share of the noise of ancestral sampling.
        fs: Amount of motion asked for, 0 to 32: a motion bucket in steps of 8.
    """

    steps: int = _SMALL["steps"]
    guidance: float = _SMALL["guidance"]
    caption_guided: bool = _SMALL["caption_guided"]
    guidance_rescale: float = _SMALL["guidance_rescale"]
    eta: float = _SMALL["eta"]
    fs: int = _SMALL["fs"]

    name: ClassVar[str] = "dynamicrafter-small"
    version: ClassVar[int] = 4
    card: ClassVar[ModelCard] = small_card("dynamicrafter-small", "Small DynamiCrafter of rendered portraits", version)
    size: ClassVar[tuple[int, int]] = small_size("dynamicrafter-small")
    frames: ClassVar[int] = RECIPES["dynamicrafter-small"].frames
    gives: ClassVar[frozenset[Gives]] = SVD_GIVES | {"text"}

    def load(self, device: str) -> VideoModel:
        """Load the shipped weights."""
        from antibench.models.small import load_dynamicrafter

        return load_dynamicrafter(
            self,
            device,
            steps=self.steps,
            guidance_scale=self.guidance,
            caption_guided=self.caption_guided,
            guidance_rescale=self.guidance_rescale,
            eta=self.eta,
            fs=self.fs,
            spacing=_SMALL["spacing"],
            fps=_SMALL["fps"],
        )


@dataclass(frozen=True)
class DynamiCrafterSmallHoldout(DynamiCrafterSmall):
    """The twin of `dynamicrafter-small`: another seed and narrower, the same VAE; for transfer."""

    name: ClassVar[str] = "dynamicrafter-small-holdout"
    version: ClassVar[int] = 3
    card: ClassVar[ModelCard] = small_card("dynamicrafter-small-holdout", "Twin of the small DynamiCrafter", version)
