"""The models of Open-Sora. Planning reads this file, so nothing heavy is imported before a model is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from antibench.contracts import Gives, ModelCard, VideoModel
from antibench.models.computing import Computing
from antibench.models.specs import COGVIDEOX_GIVES, Dtype, small_card, small_size
from antibench.zoo.recipes import RECIPES

if TYPE_CHECKING:
    from antibench.models.opensora.config import STDiT3Config, VAEConfig

TEXT_REVISION = "c9c625d2ec93667ec579ede125fd3811d1f81d37"
"""As Open-Sora-Plan, another project, names the snapshot of the same encoder that it trained with."""

_CITATION = """@article{zheng2024opensora,
  title = {Open-Sora: Democratizing Efficient Video Production for All},
  author = {Zheng, Zangwei and others}, journal = {arXiv:2412.20404}, year = {2024}}"""


@dataclass(frozen=True)
class OpenSora12(Computing):
    """Open-Sora 1.2, two seconds at 240p. How it computes: `Computing`.

    Its weights lie in three repositories. The text encoder's is pinned; loading asks for a commit of the other two.

    Attributes:
        steps: Sampling steps.
        guidance: Guidance scale of the caption.
        aesthetic: Score that is added to captions; None adds none.
        dtype: Type of the weights of denoiser and autoencoder; images and losses stay in float32.
        text_dtype: Type of the text encoder's weights: 19 GB in float32, half in bfloat16.
        revision: Commit of the denoiser.
        vae_revision: Commit of the autoencoder.
        text_revision: Commit of the text encoder.
    """

    steps: int = 30
    guidance: float = 7.0
    aesthetic: float | None = 6.5
    dtype: Dtype = "bfloat16"
    text_dtype: Dtype = "float32"
    revision: str = ""
    vae_revision: str = ""
    text_revision: str = TEXT_REVISION

    name: ClassVar[str] = "opensora-1.2"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = ModelCard(
        "Open-Sora 1.2 at 240p, from its first frame",
        source="Zheng et al.; values of the published configuration and scripts",
        year=2024,
        arxiv="2412.20404",
        citation=_CITATION,
        licence="Code: Apache-2.0. Weights: as their repositories say",
        repo_id="hpcai-tech/OpenSora-STDiT-v3",
        deviations=(
            "The photo is cut to 240 x 424; the original cuts it to 240 x 426, of which its autoencoder loses two "
            "columns. It is resized by Lanczos, in the original bicubically.",
            "Text in HTML is found by the parser of the standard library, not by BeautifulSoup, which uses it.",
        ),
        notes=(
            "Autoencoder and text encoder: hpcai-tech/OpenSora-VAE-v1.2 and DeepFloyd/t5-v1_1-xxl. Denoiser and "
            "autoencoder are not pinned: a commit of each has to be given. That the weights take about 22 GB, 19 of "
            "them the text encoder in float32, follows from their number; memory was not measured."
        ),
        weights_gb=22.0,
        text_gb=19.0,
    )
    size: ClassVar[tuple[int, int]] = (240, 424)
    frames: ClassVar[int] = 51
    gives: ClassVar[frozenset[Gives]] = COGVIDEOX_GIVES
    told_size: ClassVar[tuple[int, int]] = (240, 426)
    """(height, width) that the network is told: the published size."""
    vae_repo: ClassVar[str] = "hpcai-tech/OpenSora-VAE-v1.2"
    text_repo: ClassVar[str] = "DeepFloyd/t5-v1_1-xxl"
    local_files: ClassVar[tuple[str, ...]] = (
        "OpenSora-STDiT-v3/model.safetensors",
        "OpenSora-VAE-v1.2/model.safetensors",
        "t5-v1_1-xxl/config.json",
    )

    def load(self, device: str, weights: Path | None = None) -> VideoModel:
        """Load the weights from the folder given, else from the hub or its cache.

        Raises:
            UserError: if a commit is missing, or weights are neither cached nor within reach.
        """
        from antibench.models.real import load_opensora

        return load_opensora(
            self, device, weights, steps=self.steps, guidance_scale=self.guidance, aesthetic=self.aesthetic
        )

    def denoiser_config(self) -> STDiT3Config:
        """The denoiser that the weights are of."""
        from antibench.models.opensora.config import STDiT3Config

        return STDiT3Config()

    def vae_config(self) -> VAEConfig:
        """The autoencoder that the weights are of."""
        from antibench.models.opensora.config import VAEConfig

        return VAEConfig()


_SMALL: dict[str, Any] = RECIPES["opensora-small"].sampling


@dataclass(frozen=True)
class OpenSoraSmall:
    """A small Open-Sora, trained on rendered portraits with captions of their motion.

    Attributes:
        steps: Sampling steps.
        guidance: Guidance scale of the caption.
    """

    steps: int = _SMALL["steps"]
    guidance: float = _SMALL["guidance"]

    name: ClassVar[str] = "opensora-small"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = small_card("opensora-small", "Small Open-Sora of rendered portraits", version)
    size: ClassVar[tuple[int, int]] = small_size("opensora-small")
    frames: ClassVar[int] = RECIPES["opensora-small"].frames
    gives: ClassVar[frozenset[Gives]] = COGVIDEOX_GIVES

    def load(self, device: str) -> VideoModel:
        """Load the shipped weights."""
        from antibench.models.small import load_opensora

        return load_opensora(
            self,
            device,
            told_side=_SMALL["told_side"],
            steps=self.steps,
            guidance_scale=self.guidance,
            fps=_SMALL["fps"],
        )


@dataclass(frozen=True)
class OpenSoraSmallHoldout(OpenSoraSmall):
    """The twin of `opensora-small`: another seed, narrower and less deep, the same VAE; for transfer."""

    name: ClassVar[str] = "opensora-small-holdout"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = small_card("opensora-small-holdout", "Twin of the small Open-Sora", version)
