"""I2VGuard: make the encoder, the denoiser and its attention across frames fail together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from antibench.contracts import Card, Claim, PerturbContext
from antibench.perturb.attention_terms import AttentionShift
from antibench.perturb.descent import SurrogateDescent
from antibench.perturb.predicted_clip import ClipMargin, ClipTarget
from antibench.perturb.terms import LatentTarget

_CITATION = """@inproceedings{gui2025i2vguard,
  title     = {I2VGuard: Safeguarding Images against Misuse in Diffusion-based Image-to-Video Models},
  author    = {Gui, Dongnan and others},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year      = {2025}
}"""


@dataclass(frozen=True, kw_only=True)
class I2VGuard(SurrogateDescent):
    """Minimise spatial * |E(x') - E(black)|^2 + diffusion * (|X0' - X_black|^2 + max(0, tau - |X0' - X0|^2))
    - temporal * |A(x') - A(x)|^2, all means over elements.

    X0' is the clean clip that the denoiser's pass stands for, X0 the reference clip that was noised, X_black a black
    clip, and A the map of one attention across frames under the same clip, noise level and noise.

    Attributes:
        spatial: Weight of the encoder's module.
        diffusion: Weight of the denoiser's module.
        temporal: Weight of the attention's module; 0 saves its second pass.
        tau: Up to which distance the predicted clip is pushed from the reference clip, in the latents' squared unit.
    """

    name: ClassVar[str] = "i2vguard"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="I2VGuard: black target for encoder and clip, shifted temporal attention",
        source="Gui et al., CVPR 2025, as two independent re-implementations agree on its loss; no code published",
        year=2025,
        citation=_CITATION,
        licence="no code published; the re-implementations have no licence",
        reference="c-allergic/ImageProtectionBench@41cdf4a, Zeqian-Long/Wan-I2V-Attack@3381a65 (re-implementations)",
        native_space="RGB in [0, 1]",
        native_budget="8/255 on [0, 1] in a re-implementation, which is 8 levels",
        deviations=(
            "Not known of the original: its optimiser, steps, block, weights. Weights 1 and tau 0.5 are of one port; "
            "the other has tau 1.",
            "E(black) is the encoding of a black photo, X_black that of a black clip; the port takes zero latents.",
            "X0' is converted from whatever the surrogate predicts; the port reads a v-prediction as noise.",
            "A carries a gradient; the port detaches it, and its denoiser call cannot run.",
            "A is T x T from queries and keys averaged over places, of the middle one of the attentions.",
            "The port's added constant tau_2 is left out: it moves no gradient.",
            "Noise level uniform at random; the port holds it at 50 of 1000.",
            "Signed steps that decay to a tenth, not Adam; the gradient is taken at the 8-bit image.",
            "X0' is followed through classifier-free guidance by default; guided=False for the branch alone.",
        ),
        claims=(Claim("Its three modules do more than an encoder attack.", "i2vguard", "encoder-target"),),
        notes="The mean square of a map is orders of magnitude below that of latents, so that at equal weights signed "
        "steps follow the encoder and the denoiser.",
    )
    needs: ClassVar[frozenset[str]] = frozenset({"diffusion_loss", "image_latents", "attention", "references"})
    stochastic: ClassVar[bool] = True
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"

    spatial: float = 1.0
    diffusion: float = 1.0
    temporal: float = 1.0
    tau: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tau <= 0:
            raise ValueError(f"tau must be above 0, not {self.tau}")

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        surrogate, black = context.surrogate, torch.zeros_like(image)
        middle = surrogate.attentions[len(surrogate.attentions) // 2]
        terms = [
            (self.spatial, LatentTarget(surrogate, black)),
            (self.diffusion, ClipTarget(surrogate, black)),
            (self.diffusion, ClipMargin(self.tau)),
        ]
        attention = [(self.temporal, AttentionShift(surrogate, image, [middle]))] if self.temporal else []
        return self.descend(image, context, [*terms, *attention])
