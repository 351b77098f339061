"""Mist with the two weights that were published for it: the paper's and that of the video port."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch

from antibench.attacks.mist import Mist
from antibench.contracts import Card, Claim, PerturbContext
from antibench.perturb.pattern import contrast_pattern
from antibench.perturb.terms import DiffusionLoss, LatentTarget

_SHARED = Mist.card.deviations


@dataclass(frozen=True, kw_only=True)
class MistPaper(Mist):
    """Minimise the summed squared distance of the latent to a target's, minus 10^4 L_DM, whatever the latent's size.

    On the paper's latent of 4 x 64 x 64 elements that is `mist`, whose weight of 0.61 keeps the balance at all sizes.
    """

    name: ClassVar[str] = "mist-paper"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = replace(
        Mist.card,
        title="Mist with the paper's weight: summed distance, 10^4",
        source="Liang and Wu 2023; mist-project/mist mode 2, rate 1: sum of squares against 10^(rate + 3) L_DM",
        licence="GPL-3.0 (original, not copied from)",
        reference="mist-project/mist",
        native_budget="16 levels: 16/255, doubled for [-1, 1]",
        deviations=_SHARED,
        claims=(Claim("With a target for the latent it protects more than AdvDM.", "mist-paper", "advdm"),),
    )

    diffusion_weight: float = 1e4

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        distance = LatentTarget(context.surrogate, _target(self, image, context))
        return self.descend(
            image, context, [(float(distance.elements), distance), (self.diffusion_weight, DiffusionLoss("+"))]
        )


@dataclass(frozen=True, kw_only=True)
class MistVaijsc(Mist):
    """Minimise the *mean* squared distance of the latent to a target's, minus 10^4 L_DM: next to nothing but AdvDM.

    Attributes:
        sign: "+" raises L_DM and approaches the target. "-", the published file's default, reverses both.
    """

    name: ClassVar[str] = "mist-vaijsc"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = replace(
        Mist.card,
        title="Mist with the video port's weight: mean distance, 10^4",
        source="mist.py of the port: 10^4 L_DM - MSE(z, z_target), a mean where the paper has a sum",
        licence="BSD-3-Clause",
        native_budget="16/255 on [-1, 1], which is 8 levels",
        deviations=(
            'sign="+" by default, as the loss says; the published default "-" flees the target and lowers L_DM.',
            *_SHARED,
        ),
        claims=(),
    )

    diffusion_weight: float = 1e4
    sign: Literal["+", "-"] = "+"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        factor = 1.0 if self.sign == "+" else -1.0
        distance = LatentTarget(context.surrogate, _target(self, image, context))
        return self.descend(image, context, [(factor, distance), (factor * self.diffusion_weight, DiffusionLoss("+"))])


def _target(plugin: Mist, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
    if plugin.target == "photo":
        return context.target_photo
    return contrast_pattern(image.shape[-2], image.shape[-1]).to(image)
