"""I2VGen-XL. Planning reads this file, so nothing heavy is imported before a model is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from antibench.contracts import Gives, ModelCard, VideoModel
from antibench.models.specs import ALL_GIVE, PIPELINE_INDEX, Dtype

REVISION = "39e1979ea27be737b0278c06755e321f2b4360d5"

_CITATION = """@article{zhang2023i2vgen,
  title = {I2VGen-XL: High-Quality Image-to-Video Synthesis via Cascaded Diffusion Models},
  author = {Zhang, Shiwei and others}, journal = {arXiv:2311.04145}, year = {2023}}"""


@dataclass(frozen=True)
class I2VGenXLSpec:
    """I2VGen-XL, 16 frames.

    Attributes:
        steps: DDIM steps.
        guidance: Guidance scale of caption and CLIP embedding.
        negative_prompt: What the unconditional branch reads.
        fps: The speed the model is told, in frames per second.
        dtype: Type of the weights; images and losses stay in float32.
        revision: Commit of the weights.
    """

    steps: int = 50
    guidance: float = 9.0
    negative_prompt: str = ""
    fps: int = 16
    dtype: Dtype = "bfloat16"
    revision: str = REVISION

    name: ClassVar[str] = "i2vgen-xl"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = ModelCard(
        "I2VGen-XL",
        source="Zhang et al.; pipeline of diffusers, values of its defaults",
        year=2023,
        arxiv="2311.04145",
        citation=_CITATION,
        licence="MIT",
        repo_id="ali-vilab/i2vgen-xl",
        revision=REVISION,
        deviations=(
            "The photo's latent is the mean of the posterior in gradients; the pipeline draws it for a clip.",
            "Weights in bfloat16; the published variant of half size is float16.",
        ),
        weights_gb=5.0,
        notes=(
            "diffusers keeps the pipeline but no longer mends it. The weights take about 5 GB in bfloat16; the U-Net "
            "cannot compute its activations again, so a gradient keeps them all, unmeasured. Commit, sampling values, "
            "licence and sizes were not checked against the repository."
        ),
    )
    size: ClassVar[tuple[int, int]] = (704, 1280)
    frames: ClassVar[int] = 16
    gives: ClassVar[frozenset[Gives]] = ALL_GIVE | {"text", "image_tokens"}
    local_files: ClassVar[tuple[str, ...]] = (PIPELINE_INDEX,)

    def load(self, device: str, weights: Path | None = None) -> VideoModel:
        """Load the weights from the folder given, else from the hub or its cache."""
        from antibench.models.real import load_i2vgen_xl

        return load_i2vgen_xl(
            self,
            device,
            weights,
            steps=self.steps,
            guidance_scale=self.guidance,
            negative_prompt=self.negative_prompt,
            fps=self.fps,
        )
