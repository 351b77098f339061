"""Mist: make the photo look like a fixed pattern to the encoder, and hard to denoise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from antibench.contracts import Card, Claim, PerturbContext
from antibench.perturb.descent import SurrogateDescent
from antibench.perturb.pattern import contrast_pattern
from antibench.perturb.terms import DiffusionLoss, LatentTarget

_CITATION = """@article{liang2023mist,
  title   = {Mist: Towards Improved Adversarial Examples for Diffusion Models},
  author  = {Liang, Chumeng and Wu, Xiaoyu},
  journal = {arXiv preprint arXiv:2305.12683},
  year    = {2023}
}"""


@dataclass(frozen=True, kw_only=True)
class Mist(SurrogateDescent):
    """Minimise the mean squared distance of the photo's latent to a target's, minus a weighted diffusion loss.

    Attributes:
        diffusion_weight: Weight of L_DM against the latent distance, both means over elements. The paper sums the
            distance over the 16,384 elements of its latent and gives L_DM 10^4: 0.61 here, whatever the latent's size.
            The published video port takes the mean and keeps 10^4, which leaves it close to AdvDM: 10000 here.
        target: Whose latent is approached: "pattern", a high-contrast pattern, or "photo", the unrelated photo.
    """

    name: ClassVar[str] = "mist"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Mist: approach a target latent and raise the diffusion loss",
        source="Liang and Wu 2023: textural loss (encoder, targeted) fused with the semantic loss (diffusion)",
        year=2023,
        arxiv="2305.12683",
        citation=_CITATION,
        licence="GPL-3.0 (original), BSD-3-Clause (video port)",
        reference="vaijsc/anti-i2v@10d95e5 mist.py",
        native_space="RGB in [-1, 1]",
        native_budget="16 levels in the original; 16/255 on [-1, 1] in the video port, which is 8 levels",
        deviations=(
            "The target is a pattern drawn by formula, not the image of the Mist repository.",
            "The latent is the one the video model is conditioned on; the original encodes with an image VAE.",
            "The diffusion loss is followed through classifier-free guidance by default; guided=False is the original.",
            "Steps decay linearly to a tenth; the gradient is taken at the 8-bit image, straight through the rounding.",
            "200 steps by default; the original uses 100, the video port up to 1000.",
        ),
        claims=(Claim("With a target for the latent it protects more than AdvDM.", "mist", "advdm"),),
    )
    needs: ClassVar[frozenset[str]] = frozenset({"diffusion_loss", "image_latents", "references"})
    stochastic: ClassVar[bool] = True
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"

    diffusion_weight: float = 0.61
    target: Literal["pattern", "photo"] = "pattern"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        pattern = contrast_pattern(image.shape[-2], image.shape[-1]).to(image)
        target = pattern if self.target == "pattern" else context.target_photo
        return self.descend(
            image,
            context,
            [(1.0, LatentTarget(context.surrogate, target)), (self.diffusion_weight, DiffusionLoss("+"))],
        )
