"""DiffVax: a network trained once perturbs any photo in one forward pass."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal

import torch

from antibench.contracts import Card, Claim, PerturbContext
from antibench.zoo.protectors import OnePass, load_protector

_CITATION = """@inproceedings{ozden2026diffvax,
  title     = {DiffVax: Optimization-Free Image Immunization Against Diffusion-Based Editing},
  author    = {Ozden, Tarik Can and Kara, Ozgur and Akcin, Oguzhan and Zaman, Kerem and Srivastava, Shashank and
               Chinchali, Sandeep P. and Rehg, James M.},
  booktitle = {International Conference on Learning Representations},
  year      = {2026}
}"""


@dataclass(frozen=True, kw_only=True)
class DiffVax:
    """x' = x + budget * tanh(g(x, budget)): the work was done when g was trained, not when a photo is protected.

    Attributes:
        network: The trained network: "protector-small", trained against `dynamicrafter-small`.
    """

    name: ClassVar[str] = "diffvax"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="DiffVax: one forward pass of a trained network",
        source="Ozden et al., arXiv 2411.17957: a U-Net trained end to end through a frozen diffusion model",
        year=2024,
        arxiv="2411.17957",
        citation=_CITATION,
        licence="MIT",
        reference="ozdentarikcan/DiffVax",
        native_space="not known",
        native_budget="none: a loss keeps the perturbation small",
        deviations=(
            "Image to video: the original is trained through inpainting, so that the edit becomes an empty picture "
            "outside of a mask. Here the victim's guided diffusion loss is raised, as AdvDM does a photo at a time.",
            "The budget is kept by a hyperbolic tangent and told to the network, not paid for in the loss.",
            "A U-Net of 1.7 million weights instead of UNet++; no mask.",
            "The gradient is taken at the 8-bit image in training, straight through the rounding.",
        ),
        claims=(
            Claim("One pass protects as much as PhotoGuard's optimisation, or more.", "diffvax", "photoguard"),
            Claim("It keeps more than PhotoGuard after JPEG.", "diffvax", "photoguard", after="jpeg(75)"),
        ),
        notes="Needs no surrogate when a photo is protected, but was trained against dynamicrafter-small: rows on that "
        "model are white box, all others transfer. Trained on rendered portraits of 64 px: on other photos it runs, "
        "outside of what it has seen.",
    )
    needs: ClassVar[frozenset[str]] = frozenset()
    stochastic: ClassVar[bool] = False
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"

    network: Literal["protector-small"] = "protector-small"

    def __post_init__(self) -> None:
        if self.network != "protector-small":
            raise ValueError(f"network must be protector-small, not {self.network!r}")

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        levels = torch.full((len(image),), float(context.budget_levels), device=image.device)
        with torch.no_grad():
            made: torch.Tensor = _loaded(self.network, str(image.device))(image, levels)
        return made


@cache
def _loaded(name: str, device: str) -> OnePass:
    return load_protector(name).to(device)
