"""Immune2V: pull every frame to a still picture, and early features to those under a caption of chaos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from antibench.contracts import Card, Claim, PerturbContext
from antibench.perturb.descent import SurrogateDescent
from antibench.perturb.pattern import contrast_pattern
from antibench.perturb.predicted_clip import FramesTarget
from antibench.perturb.prompt_terms import PromptCollapse

_CITATION = """@article{long2026immune2v,
  title   = {Immune2V: Image Immunization Against Dual-Stream Image-to-Video Generation},
  author  = {Long, Zeqian and Kara, Ozgur and Xue, Haotian and Chen, Yongxin and Rehg, James M.},
  journal = {arXiv preprint arXiv:2604.10837},
  year    = {2026}
}"""
_DEPTH = 0.1
CHAOS = (
    "In an endless green laboratory cold light cuts the air into countless planes, numbers and equations turn on the "
    "walls, the lamps burst into black and white whirls, space collapses and the colours are torn apart"
)


@dataclass(frozen=True, kw_only=True)
class Immune2V(SurrogateDescent):
    """Minimise the mean over frames of |z' - z_target| plus feature_weight * |h' - h_chaos|, both root mean squares.

    z' are the predicted latent frames and z_target those of a static clip of another picture. h' are the features of an
    early layer for the protected photo and its caption, h_chaos for the clean photo and a caption of chaos.

    Attributes:
        feature_weight: The original sums norms over 5 frames of 16 x 60 x 104 latents and 4 frames of 1560 x 5120
            features, the latter times 5 and 0.125; in root mean squares the features then count 4.5 times.
        chaos_prompt: The other caption.
        target: "pattern", a high-contrast pattern, or "photo", the unrelated photo.
    """

    name: ClassVar[str] = "immune2v"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Immune2V: every frame to a still target, features to those of chaos",
        source="Long et al. 2026, loss of its published code for Wan 2.1",
        year=2026,
        arxiv="2604.10837",
        citation=_CITATION,
        licence="Apache-2.0",
        reference="Zeqian-Long/Immune2V@17d86d8 run_attack/Immune-attack.py",
        native_space="RGB in [-1, 1]",
        native_budget="32/255 * 2 on [-1, 1], which is 32 levels; 16 to 20 in other versions of its code",
        deviations=(
            "z' are frames of the clip predicted in one pass; the original's are the latents that Wan is conditioned "
            "on, which hold every frame. Of most models those hold the photo's alone.",
            "The target is a pattern drawn by formula, not the image of the Mist repository.",
            "Reference clips are noised at the first 10 of 25 steps (t from 0.6); the original caches the states of a "
            "sampling under the chaos caption.",
            "Features of the layer a tenth of the way down, over all frames; the original's are of the fourth of 40 "
            "blocks, without the first frame.",
            "The caption of chaos is a shortened translation of the released one. A model that knows none of its words "
            "reads an empty caption.",
            "200 steps by default, from a tenth of the bound, decaying; the original takes 400 to 500 of a fiftieth.",
            "The prediction is followed through classifier-free guidance by default.",
        ),
        claims=(Claim("A target for every frame does more than one for the encoder.", "immune2v", "encoder-target"),),
        notes="Where the early layer hardly heeds the caption, its features are nearest to those of chaos at the clean "
        "photo itself, and that term holds the perturbation back.",
    )
    needs: ClassVar[frozenset[str]] = frozenset({"diffusion_loss", "features", "text", "references"})
    stochastic: ClassVar[bool] = True
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"

    random_start: bool = True
    t_min: float = 0.6
    feature_weight: float = 4.5
    chaos_prompt: str = CHAOS
    target: Literal["pattern", "photo"] = "pattern"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        surrogate = context.surrogate
        pattern = contrast_pattern(image.shape[-2], image.shape[-1]).to(image)
        target = pattern if self.target == "pattern" else context.target_photo
        early = surrogate.layers[int(_DEPTH * (len(surrogate.layers) - 1))]
        return self.descend(
            image,
            context,
            [
                (1.0, FramesTarget(surrogate, target)),
                (self.feature_weight, PromptCollapse(surrogate, image, early, self.chaos_prompt)),
            ],
        )
