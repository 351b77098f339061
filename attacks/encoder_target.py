"""Targeted encoder attack: make the photo's latent that of another picture. UVCG of a single frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from antibench.contracts import Card, Claim, PerturbContext
from antibench.perturb.descent import EncoderDescent
from antibench.perturb.encoder_terms import EncodedDistance
from antibench.perturb.pattern import contrast_pattern

_CITATION = """@article{li2024uvcg,
  title   = {UVCG: Leveraging Temporal Consistency for Universal Video Protection},
  author  = {Li, KaiZhou and Gu, Jindong and Yu, Xinchun and Cao, Junjie and Tang, Yansong and Zhang, Xiao-Ping},
  journal = {arXiv preprint arXiv:2411.17746},
  year    = {2024}
}"""


@dataclass(frozen=True, kw_only=True)
class EncoderTarget(EncoderDescent):
    """Minimise ||E(x') - E(target)||^2.

    Attributes:
        target: "photo", the unrelated photo, or "pattern", the high-contrast pattern that Mist aims at.
    """

    name: ClassVar[str] = "encoder-target"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Targeted encoder attack (UVCG of one frame)",
        source="UVCG, arXiv 2411.17746, abstract: PGD drives the latents of frames to those of a target video; for one "
        "frame the encoder attack of PhotoGuard with a target",
        year=2024,
        arxiv="2411.17746",
        citation=_CITATION,
        licence="no code published",
        reference="none",
        native_space="not known",
        native_budget="not known",
        deviations=(
            "One frame: the start from the frame before, which is the original's own idea, has nothing to start from.",
            "Not known of the original: budget, steps, step size, target. Chosen: 200 steps of a tenth of the budget, "
            "falling linearly to a hundredth, from a random start.",
            "The gradient is taken at the 8-bit image, straight through the rounding.",
        ),
        claims=(Claim("The latents of another picture disrupt more than noise.", "encoder-target", "random-sign"),),
    )
    needs: ClassVar[frozenset[str]] = frozenset({"image_latents"})
    stochastic: ClassVar[bool] = True
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"

    target: Literal["photo", "pattern"] = "photo"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        pattern = contrast_pattern(image.shape[-2], image.shape[-1]).to(image)
        target = context.target_photo if self.target == "photo" else pattern
        return self.descend(image, context, [(1.0, EncodedDistance(context.surrogate, target))])
