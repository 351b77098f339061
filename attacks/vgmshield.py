"""VGMShield: lead the image encoders of a video model astray, all at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from antibench.contracts import Card, Claim, PerturbContext
from antibench.perturb.auxiliary import auxiliary_terms
from antibench.perturb.descent import EncoderDescent
from antibench.perturb.encoder_terms import NoisyCosineDistance

_CITATION = """@article{pang2024vgmshield,
  title   = {VGMShield: Mitigating Misuse of Video Generative Models},
  author  = {Pang, Yan and Zhang, Yang and Wang, Tianhao},
  journal = {arXiv preprint arXiv:2402.13126},
  year    = {2024}
}"""


@dataclass(frozen=True, kw_only=True)
class VGMShield(EncoderDescent):
    """L = LPIPS(x', x) + [1 - cos(CLIP(x'), CLIP(r))] + [1 - cos(VAE(x' + n), VAE(r + n'))].

    Attributes:
        mode: "directed" minimises L with the unrelated photo as r; "undirected" maximises it with the clean photo as r,
            LPIPS included, as the published code does.
        auxiliary: Networks of LPIPS and CLIP: "pretrained" (SqueezeNet, ViT-B/16) or "surrogate", the surrogate's VAE
            encoder and its own image tokens (left out if it has none).
        noise: Standard deviation of n and n' on [0, 1], >= 0.
    """

    name: ClassVar[str] = "vgmshield"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="VGMShield: mislead the image encoders",
        source="Pang et al. 2024, misuse prevention, directed and undirected, as the published code has them",
        year=2024,
        arxiv="2402.13126",
        citation=_CITATION,
        licence="none stated",
        reference="py85252876/MMVGM misuse_prevention, and its port in ImageProtectionBench",
        native_space="RGB in [-1, 1]",
        native_budget="4/255 on [-1, 1], which is 2 levels",
        deviations=(
            "By default the surrogate's own encoders stand in for CLIP and LPIPS; the pretrained LPIPS is of "
            "SqueezeNet, as that of VGG, the original's, is left to metrics.",
            "A random start: undirected, LPIPS and CLIP have no gradient at the photo. The original has none.",
            "The first step is a tenth of the budget, falling to a hundredth; the original's 1/255 is a quarter of it.",
            "200 steps by default; the original uses 1000.",
            "The gradient is taken at the 8-bit image, straight through the rounding.",
        ),
        claims=(Claim("Misled encoders disrupt more than noise.", "vgmshield", "random-sign"),),
    )
    needs: ClassVar[frozenset[str]] = frozenset({"image_latents", "vae_features"})
    stochastic: ClassVar[bool] = True
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"

    mode: Literal["directed", "undirected"] = "directed"
    auxiliary: Literal["surrogate", "pretrained"] = "surrogate"
    noise: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.noise < 0:
            raise ValueError(f"noise must be 0 or more, not {self.noise}")

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        surrogate, directed = context.surrogate, self.mode == "directed"
        reference = context.target_photo if directed else image
        sign = 1.0 if directed else -1.0  # of L, which is minimised
        # Each of these terms is minus its distance.
        *clip, _ = auxiliary_terms(surrogate, reference, self.auxiliary, "photo")
        *_, lpips = auxiliary_terms(surrogate, image, self.auxiliary, "photo")
        vae = NoisyCosineDistance(surrogate, reference, self.noise, context.generator)
        return self.descend(image, context, [*((-sign, term) for term in (*clip, lpips)), (sign, vae)])
