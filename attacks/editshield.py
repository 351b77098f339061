"""EditShield: take the photo's latent away from where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from antibench.contracts import Card, Claim, PerturbContext
from antibench.perturb.descent import EncoderDescent
from antibench.perturb.encoder_terms import EncodedDistance, PixelDistance

_CITATION = """@inproceedings{chen2024editshield,
  title     = {EditShield: Protecting Unauthorized Image Editing by Instruction-guided Diffusion Models},
  author    = {Chen, Ruoxi and Jin, Haibo and Liu, Yixin and Chen, Jinyin and Wang, Haohan and Sun, Lichao},
  booktitle = {European Conference on Computer Vision},
  year      = {2024}
}"""


@dataclass(frozen=True, kw_only=True)
class EditShield(EncoderDescent):
    """Minimise -MSE(E(x'), E(x)) + fidelity * MSE(x', x).

    Attributes:
        fidelity: Weight of the distance in pixels, >= 0.
    """

    name: ClassVar[str] = "editshield"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="EditShield: move the photo's latent away",
        source="Chen et al., ECCV 2024; weight 0.2 of the port in ImageProtectionBench, 0.1 in the original's code",
        year=2024,
        arxiv="2311.12066",
        citation=_CITATION,
        licence="none stated",
        reference="Allen-piexl/Editshield@c735f64 EOT_Gaussion.py",
        native_space="RGB in [0, 1]",
        native_budget="4/255 on [0, 1] in ImageProtectionBench, which is 4 levels; the original's code projects to no "
        "budget, its 30 steps of Adam at 0.001 reach 0.03 on [0, 1], which is 7.65 levels",
        deviations=(
            "The image latent alone: the original's features hold the latent with noise of a random timestep beside "
            "it, whose difference points the same way but for that noise.",
            "A random start, as the distance has no gradient at the photo; there the original relies on its noise.",
            "Signed steps instead of Adam: 200 of a tenth of the budget, falling linearly to a hundredth.",
            "No expectation over blur, cropping or rotation.",
            "The gradient is taken at the 8-bit image, straight through the rounding.",
        ),
        claims=(Claim("A latent moved away disrupts more than noise.", "editshield", "random-sign"),),
    )
    needs: ClassVar[frozenset[str]] = frozenset({"image_latents"})
    stochastic: ClassVar[bool] = True
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"

    fidelity: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fidelity < 0:
            raise ValueError(f"fidelity must be 0 or more, not {self.fidelity}")

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        away = EncodedDistance(context.surrogate, image)
        return self.descend(image, context, [(-1.0, away), (self.fidelity, PixelDistance(image))])
