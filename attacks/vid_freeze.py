"""Vid-Freeze: make attention uniform, so that frames have nothing to tell each other and the clip stands still."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from antibench.contracts import Card, Claim, PerturbContext
from antibench.perturb.attention_terms import AttentionEnergy
from antibench.perturb.descent import SurrogateDescent

_CITATION = """@article{chowdhury2025vidfreeze,
  title   = {Vid-Freeze: Protecting Images from Malicious Image-to-Video Generation via Temporal Freezing},
  author  = {Chowdhury, Rohit and Bala, Aniruddha and Jaiswal, Rohan and Roheda, Siddharth},
  journal = {arXiv preprint arXiv:2509.23279},
  year    = {2025}
}"""


@dataclass(frozen=True, kw_only=True)
class VidFreeze(SurrogateDescent):
    """Minimise the squared Frobenius norm of attention after its softmax, mean over layers, in expectation over noise
    levels: 1 where it is uniform.

    It aims at clips without motion, which may look good: read `motion`, not the metrics of identity.

    Attributes:
        blocks: Over "all" attentions across frames, as in the equation, or the "first-half", as in the port.
        guided: The maps are those of the conditional branch, so the other one is not run.
    """

    name: ClassVar[str] = "vid-freeze"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Vid-Freeze: smallest norm of attention, to freeze motion",
        source="arXiv 2509.23279, equations 7 and 8, as a third-party port quotes them",
        year=2025,
        arxiv="2509.23279",
        citation=_CITATION,
        licence="no code published",
        reference="a third-party port to Cosmos; the authors' page holds a template",
        native_space="RGB in [-1, 1] in the port",
        native_budget="16/255 on [-1, 1] in the port, which is 8 levels; the original's is not known",
        deviations=(
            "Maps are T x T, of queries and keys averaged over each frame's places, as in the port; the equation is "
            "of whole maps, whose gradient fits no GPU at full size.",
            "Only attentions across frames are taken; the equation does not say of which attentions it speaks.",
            "Text tokens are left out of the softmax where text and video attend jointly.",
            "First step a tenth of the bound, decaying to a tenth of that; the port's is 1/16 of it, constant.",
            "Noise levels and reference clip are drawn anew each step; the gradient is taken at the 8-bit image.",
        ),
        claims=(Claim("The clip moves less.", "clean", "vid-freeze", metric="motion"),),
    )
    needs: ClassVar[frozenset[str]] = frozenset({"diffusion_loss", "attention", "references"})
    stochastic: ClassVar[bool] = True
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"

    steps: int = 100
    guided: bool = False
    blocks: Literal["all", "first-half"] = "all"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        names = context.surrogate.attentions
        chosen = names if self.blocks == "all" else names[: (len(names) + 1) // 2]
        return self.descend(image, context, [(1.0, AttentionEnergy(chosen))])
