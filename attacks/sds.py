"""SDS: pull the photo, as a clip that stands still, along the denoiser's score, without a gradient of the denoiser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch.nn.functional import mse_loss

from antibench.contracts import Card, Claim, PerturbContext
from antibench.perturb.descent import NoiseDescent

_CITATION = """@inproceedings{xue2024toward,
  title     = {Toward effective protection against diffusion-based mimicry through score distillation},
  author    = {Xue, Haotian and Liang, Chumeng and Wu, Xiaoyu and Chen, Yongxin},
  booktitle = {International Conference on Learning Representations},
  year      = {2024}
}"""


@dataclass(frozen=True, kw_only=True)
class SDS(NoiseDescent):
    """Step along -+ J_E^T (eps_theta(z_t, t) - eps), where z = E(still clip of the photo) and J_E is the encoder's.

    Attributes:
        sign: "-" descends the loss whose gradient this is, towards what the denoiser takes for a clean clip, as the
            published default; "+" ascends it.
    """

    name: ClassVar[str] = "sds"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="SDS: score distillation, no gradient of the denoiser",
        source="Xue et al., ICLR 2024: SDS(-) and SDS(+); video port: 0.5 MSE(z, stopgrad(z - (eps_theta - eps)))",
        year=2024,
        arxiv="2311.12832",
        citation=_CITATION,
        licence="BSD-3-Clause (video port); no licence (original)",
        reference="vaijsc/anti-i2v@10d95e5 sds.py",
        native_space="RGB in [-1, 1]",
        native_budget="16/255 on [-1, 1] in the video port, which is 8 levels; 16 levels in the original",
        deviations=(
            "The published port cannot run: a call lacks an argument and another does not unpack its answer.",
            "z is a still clip of the photo (the port's mode without a reference clip), by `VideoModel.encode_still`: "
            "with a precomputed reference clip the loss has no gradient.",
            "The score is 0 at frames of the clip that a model holds to the photo, and everywhere at a last noise level"
            " without any signal, where v says nothing of the noise.",
            "The prompt is the photo's caption, not 'a video'.",
            "The denoiser runs with classifier-free guidance, as samplers do; guided=False is the original.",
            "Steps decay linearly to a tenth; the gradient is taken at the 8-bit image, straight through the rounding.",
            "200 steps by default; the original uses 100.",
        ),
        claims=(Claim("Towards the denoiser's clean picture protects more than away from it.", "sds", "sds@plus"),),
    )
    needs: ClassVar[frozenset[str]] = frozenset({"diffusion_loss", "still_latents"})
    stochastic: ClassVar[bool] = True
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"

    sign: Literal["+", "-"] = "-"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        surrogate, generator = context.surrogate, context.generator

        def distillation(photo: torch.Tensor) -> torch.Tensor:
            z = surrogate.encode_still(photo)
            uniform = float(torch.rand(1, generator=generator, device=generator.device))
            t = self.t_min + (self.t_max - self.t_min) * uniform
            noise = torch.randn(z.shape, generator=generator, device=generator.device).to(z)
            guided = self.guided and "guidance" in surrogate.gives
            with torch.no_grad():
                seen = surrogate.denoise(photo, context.caption, clip_latents=z, t=t, noise=noise, guided=guided)
            score = seen.noise.to(z) - noise
            loss = 0.5 * mse_loss(z, z.detach() - score)
            return loss if self.sign == "-" else -loss

        return self.follow(image, context, distillation)
