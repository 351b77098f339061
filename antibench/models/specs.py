"""The registered video models. Planning reads this file, so nothing heavy is imported before a model is loaded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

from antibench.contracts import Gives, ModelCard, VideoModel
from antibench.models.computing import Computing
from antibench.zoo.recipes import RECIPES

Dtype: TypeAlias = Literal["bfloat16", "float32"]
Gate: TypeAlias = Literal["passed", "failed", "unmeasured"]

SVD_REVISION = "9e43909513c6714f1bc78bcb44d96e733cd242aa"
COGVIDEOX_REVISION = "a6f0f4858a8395e7429d82493864ce92bf73af11"
COGVIDEOX_1_5_REVISION = "46c90528707aebbe69066390b4fe7e7d24c9c2a4"
PIPELINE_INDEX = "model_index.json"
"""What a folder in the layout of diffusers holds."""

ALL_GIVE: frozenset[Gives] = frozenset(
    {"diffusion_loss", "guidance", "features", "image_latents", "vae_features", "still_latents"}
)
SVD_GIVES: frozenset[Gives] = ALL_GIVE | {"image_tokens", "attention"}
COGVIDEOX_GIVES: frozenset[Gives] = ALL_GIVE | {"text", "attention"}

_SVD_CITATION = """@article{blattmann2023stable,
  title = {Stable Video Diffusion: Scaling Latent Video Diffusion Models to Large Datasets},
  author = {Blattmann, Andreas and others}, journal = {arXiv:2311.15127}, year = {2023}}"""
_COGVIDEOX_CITATION = """@article{yang2024cogvideox,
  title = {CogVideoX: Text-to-Video Diffusion Models with An Expert Transformer},
  author = {Yang, Zhuoyi and others}, journal = {arXiv:2408.06072}, year = {2024}}"""


def _gate(name: str, version: int) -> Gate:
    """What the validity gate said of the shipped weights; a card of other weights says nothing of them."""
    path = files("antibench.zoo").joinpath("weights", name, "card.json")
    card = json.loads(path.read_text()) if path.is_file() else {}
    said = card.get("gate") if card.get("model") == f"{name}@{version}" else None
    return said if said in ("passed", "failed") else "unmeasured"


def small_card(name: str, title: str, version: int) -> ModelCard:
    """The card of an embedded model, with what the gate said of this version of it."""
    return ModelCard(
        title,
        source=f"Trained by `python -m antibench.zoo.train {name}`",
        licence="Apache-2.0",
        world="small",
        gate=_gate(name, version),
    )


def small_size(name: str) -> tuple[int, int]:
    """(height, width) of an embedded model."""
    return RECIPES[name].size, RECIPES[name].size


_COGVIDEOX: dict[str, Any] = RECIPES["cogvideox-small"].sampling
_COGVIDEOX_TOKENS: dict[str, Any] = RECIPES["cogvideox-tokens-small"].sampling


@dataclass(frozen=True)
class CogVideoXSmall:
    """A small CogVideoX, trained on rendered portraits with captions of their motion.

    Attributes:
        steps: Sampling steps.
        guidance: Guidance scale of the caption.
        negative_prompt: What the unconditional branch reads.
    """

    steps: int = _COGVIDEOX["steps"]
    guidance: float = _COGVIDEOX["guidance"]
    negative_prompt: str = ""

    name: ClassVar[str] = "cogvideox-small"
    version: ClassVar[int] = 4
    card: ClassVar[ModelCard] = small_card("cogvideox-small", "Small CogVideoX of rendered portraits", version)
    size: ClassVar[tuple[int, int]] = small_size("cogvideox-small")
    frames: ClassVar[int] = RECIPES["cogvideox-small"].frames
    gives: ClassVar[frozenset[Gives]] = COGVIDEOX_GIVES

    def load(self, device: str) -> VideoModel:
        """Load the shipped weights."""
        from antibench.models.small import load_cogvideox

        return load_cogvideox(
            self,
            device,
            steps=self.steps,
            guidance_scale=self.guidance,
            negative_prompt=self.negative_prompt,
            fps=_COGVIDEOX["fps"],
        )


@dataclass(frozen=True)
class CogVideoXTokensSmall:
    """A small CogVideoX that also reads tokens of EfficientNet-Lite0: a controlled variant, in no published model.

    Attributes:
        steps: Sampling steps.
        guidance: Guidance scale.
        caption_guided: Guidance runs over caption and image tokens together, as DynamiCrafter's; else over the tokens
            alone.
    """

    steps: int = _COGVIDEOX_TOKENS["steps"]
    guidance: float = _COGVIDEOX_TOKENS["guidance"]
    caption_guided: bool = _COGVIDEOX_TOKENS["caption_guided"]

    name: ClassVar[str] = "cogvideox-tokens-small"
    version: ClassVar[int] = 6
    card: ClassVar[ModelCard] = small_card(
        "cogvideox-tokens-small", "Small CogVideoX of rendered portraits, conditioned as DynamiCrafter is", version
    )
    size: ClassVar[tuple[int, int]] = small_size("cogvideox-tokens-small")
    frames: ClassVar[int] = RECIPES["cogvideox-tokens-small"].frames
    gives: ClassVar[frozenset[Gives]] = COGVIDEOX_GIVES | {"image_tokens"}

    def load(self, device: str) -> VideoModel:
        """Load the shipped weights."""
        from antibench.models.small import load_cogvideox_tokens

        return load_cogvideox_tokens(
            self,
            device,
            caption_guided=self.caption_guided,
            steps=self.steps,
            guidance_scale=self.guidance,
            fps=_COGVIDEOX_TOKENS["fps"],
        )


@dataclass(frozen=True)
class CogVideoXTokensSmallHoldout(CogVideoXTokensSmall):
    """The twin of `cogvideox-tokens-small`: another seed, narrower and less deep, the same VAE; for transfer."""

    name: ClassVar[str] = "cogvideox-tokens-small-holdout"
    version: ClassVar[int] = 3
    card: ClassVar[ModelCard] = small_card(
        "cogvideox-tokens-small-holdout", "Twin of the small CogVideoX with image tokens", version
    )


@dataclass(frozen=True)
class SVDXT:
    """Stable Video Diffusion XT, 25 frames.

    Attributes:
        steps: Sampling steps.
        min_guidance: Guidance scale at the first frame.
        max_guidance: Guidance scale at the last frame.
        motion_bucket_id: Amount of motion asked for.
        noise_aug_strength: Noise on the photo before the VAE, on the [-1, 1] scale.
        dtype: Type of the weights; images and losses stay in float32.
        revision: Commit of the weights.
    """

    steps: int = 25
    min_guidance: float = 1.0
    max_guidance: float = 3.0
    motion_bucket_id: int = 127
    noise_aug_strength: float = 0.02
    dtype: Dtype = "bfloat16"
    revision: str = SVD_REVISION

    name: ClassVar[str] = "svd"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = ModelCard(
        "Stable Video Diffusion XT",
        source="Blattmann et al.; pipeline defaults of diffusers",
        year=2023,
        arxiv="2311.15127",
        citation=_SVD_CITATION,
        licence="Stability AI Community License (stable-video-diffusion-community)",
        repo_id="stabilityai/stable-video-diffusion-img2vid-xt",
        revision=SVD_REVISION,
        weights_gb=4.5,
        notes="Reads no caption. That the weights take 4.5 GB in bfloat16 follows from their number, unmeasured.",
    )
    size: ClassVar[tuple[int, int]] = (576, 1024)
    frames: ClassVar[int] = 25
    gives: ClassVar[frozenset[Gives]] = SVD_GIVES
    local_files: ClassVar[tuple[str, ...]] = (PIPELINE_INDEX,)

    def load(self, device: str, weights: Path | None = None) -> VideoModel:
        """Load the weights from the folder given, else from the hub or its cache."""
        from antibench.models.real import load_svd

        return load_svd(
            self,
            device,
            weights,
            steps=self.steps,
            min_guidance_scale=self.min_guidance,
            max_guidance_scale=self.max_guidance,
            motion_bucket_id=self.motion_bucket_id,
            noise_aug_strength=self.noise_aug_strength,
        )


@dataclass(frozen=True)
class CogVideoX5BI2V(Computing):
    """CogVideoX-5B image-to-video, 49 frames. How it computes: `Computing`.

    Attributes:
        steps: Sampling steps.
        guidance: Guidance scale of the caption.
        negative_prompt: What the unconditional branch reads.
        dynamic_guidance: The pipeline's `use_dynamic_cfg`.
        dtype: Type of the weights; images and losses stay in float32.
        revision: Commit of the weights.
    """

    steps: int = 50
    guidance: float = 6.0
    negative_prompt: str = ""
    dynamic_guidance: bool = False
    dtype: Dtype = "bfloat16"
    revision: str = COGVIDEOX_REVISION

    name: ClassVar[str] = "cogvideox-5b-i2v"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = ModelCard(
        "CogVideoX-5B image-to-video",
        source="Yang et al.; pipeline of diffusers, values of the model card",
        year=2024,
        arxiv="2408.06072",
        citation=_COGVIDEOX_CITATION,
        licence="CogVideoX License",
        repo_id="THUDM/CogVideoX-5b-I2V",
        revision=COGVIDEOX_REVISION,
        weights_gb=21.0,
        text_gb=9.5,
        notes=(
            "That the weights take 21 GB in bfloat16, text encoder included, follows from their number, unmeasured; "
            "activations come on top."
        ),
    )
    size: ClassVar[tuple[int, int]] = (480, 720)
    frames: ClassVar[int] = 49
    fps: ClassVar[float] = 8.0
    gives: ClassVar[frozenset[Gives]] = COGVIDEOX_GIVES
    local_files: ClassVar[tuple[str, ...]] = (PIPELINE_INDEX,)

    def load(self, device: str, weights: Path | None = None) -> VideoModel:
        """Load the weights from the folder given, else from the hub or its cache."""
        from antibench.models.real import load_cogvideox

        return load_cogvideox(
            self,
            device,
            weights,
            steps=self.steps,
            guidance_scale=self.guidance,
            negative_prompt=self.negative_prompt,
            use_dynamic_cfg=self.dynamic_guidance,
            fps=self.fps,
        )


@dataclass(frozen=True)
class CogVideoX15I2V(CogVideoX5BI2V):
    """CogVideoX 1.5 5B image-to-video, 81 frames: patches of two latent frames, and an embedding of the offset."""

    revision: str = COGVIDEOX_1_5_REVISION

    name: ClassVar[str] = "cogvideox1.5-5b-i2v"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = ModelCard(
        "CogVideoX 1.5 5B image-to-video",
        source="Yang et al.; pipeline of diffusers",
        year=2024,
        arxiv="2408.06072",
        citation=_COGVIDEOX_CITATION,
        licence="CogVideoX License",
        repo_id="THUDM/CogVideoX1.5-5B-I2V",
        revision=COGVIDEOX_1_5_REVISION,
        weights_gb=21.0,
        text_gb=9.5,
        notes=(
            "The weights take about 21 GB in bfloat16, text encoder included; activations come on top, unmeasured. "
            "Commit, sampling values, licence and sizes were not checked against the repository."
        ),
    )
    size: ClassVar[tuple[int, int]] = (768, 1360)
    frames: ClassVar[int] = 81
    fps: ClassVar[float] = 16.0
