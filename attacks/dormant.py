"""Dormant: misplace the photo in every encoder, and set the frames against it and against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from antibench.contracts import Card, Claim, PerturbContext
from antibench.perturb.descent import SurrogateDescent
from antibench.perturb.embedding_distance import EmbeddingDistance, FidelityLimit
from antibench.perturb.predicted_clip import FrameSpread

_CITATION = """@inproceedings{zhou2025dormant,
  title     = {Dormant: Defending against Pose-driven Human Image Animation},
  author    = {Zhou, Jiachen and Wang, Mingsi and Li, Tianlin and Meng, Guozhu and Chen, Kai},
  booktitle = {USENIX Security Symposium},
  year      = {2025}
}"""


@dataclass(frozen=True, kw_only=True)
class Dormant(SurrogateDescent):
    """Maximise embeddings * (L_vae + L_clip) + frames * L_frame - fidelity * max(0, LPIPS(x', x) - limit).

    L_vae and L_clip are mean squared distances of the latent and of image tokens to the clean photo's; L_frame is that
    of each predicted frame to the photo, plus that of each pair of predicted frames.

    Attributes:
        embeddings: Weight of L_vae and L_clip.
        frames: Weight of L_frame.
        fidelity: Weight of the perceptual limit.
        limit: Perceptual distance that costs nothing.
        perceptual: Network of the limit: the "surrogate"'s VAE encoder, or "pretrained" LPIPS (SqueezeNet).
    """

    name: ClassVar[str] = "dormant"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Dormant: far embeddings, and frames far from the photo and from each other",
        source="USENIX Security 2025, loss of its published code without the parts of pose-driven models",
        year=2025,
        citation=_CITATION,
        licence="no licence",
        reference="Manu21JC/Dormant@efa4d4d utils/pgd.py",
        native_space="RGB in [-1, 1]",
        native_budget="16/255 on [-1, 1], which is 8 levels",
        deviations=(
            "ReferenceNet and the two appearance encoders (weight 100) belong to pose-driven models: left out.",
            "L_clip is that of the surrogate's own image tokens, left out where it has none.",
            "No transformation of the photo before the networks (blur, JPEG, noise, resize in the original).",
            "The denoiser reads a reference clip noised to a level below 1/3; the original feeds pure noise at such a "
            "level, and 5 frames.",
            "LPIPS is unweighted on the surrogate's VAE by default, whose scale differs; the original's is VGG.",
            "Random start uniform within the budget; the original's is of the whole range, by a slip, until its first "
            "step clips it.",
            "No momentum (0.5 in the original); signed steps that decay to a tenth, gradient at the 8-bit image.",
            "L_frame is followed through classifier-free guidance, as in the original.",
        ),
        claims=(
            Claim("It protects more than PhotoGuard.", "dormant", "photoguard"),
            Claim("It keeps more than PhotoGuard after JPEG.", "dormant", "photoguard", after="jpeg(75)"),
        ),
    )
    needs: ClassVar[frozenset[str]] = frozenset({"diffusion_loss", "image_latents", "vae_features", "references"})
    stochastic: ClassVar[bool] = True
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"

    random_start: bool = True
    t_max: float = 1 / 3
    embeddings: float = 10.0
    frames: float = 1.0
    fidelity: float = 10.0
    limit: float = 16 / 255
    perceptual: Literal["surrogate", "pretrained"] = "surrogate"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.limit < 0:
            raise ValueError(f"limit must be 0 or more, not {self.limit}")

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        surrogate = context.surrogate
        return self.descend(
            image,
            context,
            [
                (self.embeddings, EmbeddingDistance(surrogate, image)),
                (self.frames, FrameSpread(surrogate, image)),
                (self.fidelity, FidelityLimit(surrogate, image, self.limit, self.perceptual)),
            ],
        )
