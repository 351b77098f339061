"""DCT-Shield: the encoder attack on the quantised coefficients of the photo's JPEG file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from antibench.contracts import Card, Claim, PerturbContext
from antibench.perturb.descent import Descent
from antibench.perturb.encoder_terms import EncodedNorm
from antibench.perturb.jpeg_space import JpegCoefficients
from antibench.perturb.objective import Objective

_CITATION = """@inproceedings{bala2025dctshield,
  title     = {DCT-Shield: A Robust Frequency Domain Defense against Malicious Image Editing},
  author    = {Bala, Aniruddha and Chowdhury, Rohit and Jaiswal, Rohan and Roheda, Siddharth},
  booktitle = {IEEE/CVF International Conference on Computer Vision},
  year      = {2025}
}"""


@dataclass(frozen=True, kw_only=True)
class DCTShield(Descent):
    """Minimise ||E(D(a + d))||_2 over |d| <= bound, a the rounded coefficients of the photo's file and D the decoder.

    Attributes:
        quality: Of the file, 1 to 100. What is perturbed here is meant to survive this quality and better ones.
        bound: Largest change of a coefficient in quantisation steps; below 0.5 the codec would round it away.
        luma_only: Leave Cb and Cr alone, the published variant.
    """

    name: ClassVar[str] = "dct-shield"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="DCT-Shield: the encoder attack in JPEG coefficients",
        source="Bala et al., ICCV 2025, algorithm 1 of its supplement as a third party's code repeats it",
        year=2025,
        arxiv="2504.17894",
        citation=_CITATION,
        licence="no code published",
        reference="none",
        native_space="DCT coefficients of 8 x 8 blocks of YCbCr in quantisation steps, quality 95",
        native_budget="1 quantisation step a coefficient, no bound in pixels; its table of results puts it at 27.6 dB",
        deviations=(
            "What exceeds the budget in RGB is clipped at every step; where that bites, coefficients are no longer "
            "within their own bound of the file's, and less of the perturbation survives the codec.",
            "No channel is subsampled: 4:4:4. What the original does is not known.",
            "Steps decay linearly to a tenth instead of to 0; 200 by default, the original takes 1000.",
            "The gradient is taken at the 8-bit image, straight through the rounding.",
        ),
        claims=(
            Claim("Made in JPEG coefficients it keeps more after JPEG.", "dct-shield", "photoguard", after="jpeg(75)"),
        ),
    )
    needs: ClassVar[frozenset[str]] = frozenset({"image_latents"})
    stochastic: ClassVar[bool] = False
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"

    quality: int = 95
    bound: float = 1.0
    luma_only: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._space((8, 8))  # refuses what is out of range before anything runs

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        space = self._space((image.shape[-2], image.shape[-1]))
        file = space.inverse(space.forward(image).round()).clamp(0, 1)
        return self.follow(image, context, Objective(context, [(1.0, EncodedNorm())]), spaces=[space], origin=file)

    def _space(self, size: tuple[int, int]) -> JpegCoefficients:
        return JpegCoefficients(size, self.quality, self.bound, self.luma_only)
