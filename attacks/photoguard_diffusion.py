"""PhotoGuard, diffusion attack: make a short sampling end in a picture of one's choice, end to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from antibench.attacks.photoguard import PhotoGuard
from antibench.contracts import Card, Claim, PerturbContext
from antibench.perturb.descent import SurrogateDescent
from antibench.perturb.still import on_still
from antibench.perturb.terms import DiffusionLoss


@dataclass(frozen=True, kw_only=True)
class PhotoGuardDiffusion(SurrogateDescent):
    """Minimise ||S(x') - target||^2, S a few steps of a deterministic sampler from pure noise, all differentiated.

    `sampler_steps` is their number, `t_min` and `t_max` say what counts as pure noise.

    Attributes:
        target: Which picture the clip is to show, standing still: "grey" or the unrelated "photo".
    """

    name: ClassVar[str] = "photoguard-diffusion"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="PhotoGuard (diffusion): a short sampling ends in a target",
        source="Salman et al., ICML 2023: diffusion attack, through a truncated sampling",
        year=2023,
        arxiv="2302.06588",
        citation=PhotoGuard.card.citation,
        licence="MIT",
        reference="MadryLab/photoguard, notebook of the complex attack",
        native_space="RGB in [-1, 1]",
        native_budget="L2 of 16 with steps of 1, or 0.1 on [-1, 1], which is 12.75 levels, with steps of 0.006",
        deviations=(
            "The clip is compared in latent space; the original decodes its picture.",
            "The target is a clip in which the picture stands still.",
            "Budget in L-infinity; one noise a step, where the original averages the gradients of 10.",
            "Where a schedule does not end in pure noise, the start holds a trace of the target, 0.1% of it on a "
            "straight line.",
            "200 signed steps, a tenth of the budget falling to a hundredth; the original follows the gradient itself.",
            "The gradient is taken at the 8-bit image, straight through the rounding.",
        ),
        claims=(
            Claim(
                "Through the sampler it protects more than by the encoder.",
                "photoguard-diffusion",
                "photoguard",
            ),
        ),
    )
    needs: ClassVar[frozenset[str]] = frozenset({"diffusion_loss"})
    stochastic: ClassVar[bool] = True
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"

    sampler_steps: int = 4
    t_min: float = 0.999
    target: Literal["grey", "photo"] = "grey"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        target = context.target_photo if self.target == "photo" else torch.full_like(image, 0.5)
        # With the target as the reference clip, what `DiffusionLoss("-")` lowers is the distance to it.
        return self.descend(image, on_still(context, target), [(1.0, DiffusionLoss("-"))])
