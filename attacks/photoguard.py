"""PhotoGuard, encoder attack: make the photo's latent vanish, or that of another picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from antibench.contracts import Card, Claim, PerturbContext
from antibench.perturb.descent import EncoderDescent
from antibench.perturb.encoder_terms import EncodedDistance, EncodedNorm

_CITATION = """@inproceedings{salman2023raising,
  title     = {Raising the Cost of Malicious AI-Powered Image Editing},
  author    = {Salman, Hadi and Khaddaj, Alaa and Leclerc, Guillaume and Ilyas, Andrew and Madry, Aleksander},
  booktitle = {International Conference on Machine Learning},
  year      = {2023}
}"""


@dataclass(frozen=True, kw_only=True)
class PhotoGuard(EncoderDescent):
    """Minimise ||E(x')||, E being the mean of the posterior, or the distance of E(x') to the latent of a target.

    Attributes:
        target: "zero", the latent 0; "photo", that of the unrelated photo; "grey", that of a mid-grey picture.
    """

    name: ClassVar[str] = "photoguard"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="PhotoGuard (encoder): take the photo's latent to zero",
        source="Salman et al., ICML 2023: encoder attack; zero is the notebook's, a target the paper's",
        year=2023,
        arxiv="2302.06588",
        citation=_CITATION,
        licence="MIT",
        reference="MadryLab/photoguard, notebook of the simple attack",
        native_space="RGB in [-1, 1]",
        native_budget="0.06 on [-1, 1], which is 7.65 levels",
        deviations=(
            "The latent is scaled or normalised as the video model reads it; a shift makes zero another one.",
            "The first step is a tenth of the budget, falling to a hundredth; the original's 0.02 is a third of it.",
            "200 steps by default; the original uses 1000.",
            "The gradient is taken at the 8-bit image, straight through the rounding.",
        ),
        claims=(Claim("An encoder attack disrupts more than noise.", "photoguard", "random-sign"),),
    )
    needs: ClassVar[frozenset[str]] = frozenset({"image_latents"})
    stochastic: ClassVar[bool] = True
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"

    target: Literal["zero", "photo", "grey"] = "zero"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        if self.target == "zero":
            return self.descend(image, context, [(1.0, EncodedNorm())])
        target = context.target_photo if self.target == "photo" else torch.full_like(image, 0.5)
        return self.descend(image, context, [(1.0, EncodedDistance(context.surrogate, target))])
