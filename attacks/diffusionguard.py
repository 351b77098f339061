"""DiffusionGuard: make the denoiser overshoot at the very first step of sampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from antibench.contracts import Card, Claim, PerturbContext
from antibench.perturb.descent import NoiseDescent
from antibench.perturb.objective import Objective, Term, View
from antibench.perturb.still import on_still

_CITATION = """@inproceedings{choi2025diffusionguard,
  title     = {DiffusionGuard: A Robust Defense Against Malicious Diffusion-based Image Editing},
  author    = {Choi, June Suk and Lee, Kyungmin and Jeong, Jongheon and Xie, Saining and Shin, Jinwoo and Lee, Kimin},
  booktitle = {International Conference on Learning Representations},
  year      = {2025}
}"""


class PredictionNorm(Term):
    """Raise the length of what the denoiser predicts."""

    def value(self, view: View) -> torch.Tensor:
        """-||prediction||_2 over all elements."""
        length: torch.Tensor = torch.linalg.vector_norm(view.denoised.prediction.float())
        return -length


@dataclass(frozen=True, kw_only=True)
class DiffusionGuard(NoiseDescent):
    """Maximise ||f_theta(x_T; x')||_2, f the denoiser's output and x_T pure noise, drawn anew each step.

    `t_min` and `t_max` say what counts as pure noise.
    """

    name: ClassVar[str] = "diffusionguard"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="DiffusionGuard: overshoot at the first sampling step",
        source="Choi et al., ICLR 2025: norm of the predicted noise at the first denoising step",
        year=2025,
        arxiv="2410.05694",
        citation=_CITATION,
        licence="not known",
        reference="choi403/DiffusionGuard@4e61aa2 attacks/attack_diffusionguard.py",
        native_space="RGB, inpainting with a mask",
        native_budget="16 levels",
        deviations=(
            "f is what the network puts out, noise in the original: the noise that a prediction of v or of a velocity "
            "stands for is, from pure noise, that noise whatever the photo.",
            "x_T holds a trace of the photo where a schedule does not end in pure noise: 0.1% on a straight line.",
            "There is no mask in image-to-video, so none is augmented.",
            "The denoiser runs with classifier-free guidance, as samplers do; guided=False is the original.",
            "The caption is the photo's; the original's is empty.",
            "200 steps, a tenth of the budget falling to a hundredth; the original takes 800 of a sixteenth.",
            "The gradient is taken at the 8-bit image, straight through the rounding.",
        ),
        claims=(
            Claim("The first step's prediction is a better target than the encoder.", "diffusionguard", "photoguard"),
            Claim("It keeps more than PhotoGuard after JPEG.", "diffusionguard", "photoguard", after="jpeg(75)"),
        ),
    )
    needs: ClassVar[frozenset[str]] = frozenset({"diffusion_loss"})
    stochastic: ClassVar[bool] = True
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"

    t_min: float = 0.999

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        levels = (self.t_min, self.t_max)
        first_step = Objective(on_still(context, image), [(1.0, PredictionNorm())], guided=self.guided, t_range=levels)
        return self.follow(image, context, first_step)
