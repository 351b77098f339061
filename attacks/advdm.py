"""AdvDM: make the photo hard to denoise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from antibench.contracts import Card, Claim, PerturbContext
from antibench.perturb.descent import SurrogateDescent
from antibench.perturb.terms import DiffusionLoss

_CITATION = """@inproceedings{liang2023advdm,
  title     = {Adversarial Example Does Good: Preventing Painting Imitation from Diffusion Models via
               Adversarial Examples},
  author    = {Liang, Chumeng and Wu, Xiaoyu and Hua, Yang and Zhang, Jiaru and Xue, Yiming and Song, Tao
               and Xue, Zhengui and Ma, Ruhui and Guan, Haibing},
  booktitle = {International Conference on Machine Learning},
  year      = {2023}
}"""


@dataclass(frozen=True, kw_only=True)
class AdvDM(SurrogateDescent):
    """Raise the diffusion loss L_DM of a reference clip in expectation over noise level and noise.

    The gradient flows through the paths by which the photo conditions the model; the clip is a constant.

    Attributes:
        sign: "+" raises the loss, as AdvDM; "-" lowers it, as the default of the published video port.
    """

    name: ClassVar[str] = "advdm"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="AdvDM: raise the diffusion loss",
        source="Liang et al., ICML 2023: gradient ascent on the diffusion loss, one noise level and noise a step",
        year=2023,
        arxiv="2302.04578",
        citation=_CITATION,
        licence="BSD-3-Clause (video port)",
        reference="vaijsc/anti-i2v@10d95e5 gd.py",
        native_space="RGB in [-1, 1]",
        native_budget="16/255 on [-1, 1] in the video port, which is 8 levels; 16 levels in the image versions",
        deviations=(
            "The loss is followed through classifier-free guidance by default, as samplers run: gradients of the "
            "conditional branch alone protect far less. guided=False is the original.",
            "Steps decay linearly to a tenth; the original keeps them constant.",
            "Gradient is taken at the 8-bit image, straight through the rounding; the original ignores rounding.",
            "200 steps by default; the image versions use 100, the video port up to 1000.",
        ),
        claims=(Claim("Raising the diffusion loss is what protects.", "advdm", "advdm@minus"),),
    )
    needs: ClassVar[frozenset[str]] = frozenset({"diffusion_loss", "references"})
    stochastic: ClassVar[bool] = True
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"

    sign: Literal["+", "-"] = "+"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        return self.descend(image, context, [(1.0, DiffusionLoss(self.sign))])
