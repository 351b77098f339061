"""How far a photo has moved as the surrogate's own image encoders see it, and as an eye does."""

from __future__ import annotations

from typing import Literal

import torch

from antibench.contracts import VideoModel
from antibench.perturb.auxiliary import LpipsDistance
from antibench.perturb.backbones import lpips_distance
from antibench.perturb.lean import mean_square
from antibench.perturb.objective import Term, View


class EmbeddingDistance(Term):
    """Raise the mean squared distance to the clean photo of the VAE latent and, where there are any, image tokens.

    At the clean photo it has no gradient: start elsewhere.
    """

    encodes = True

    def __init__(self, surrogate: VideoModel, clean: torch.Tensor) -> None:
        """`clean` is (1, 3, H, W) in [0, 1] at the surrogate's size."""
        with torch.no_grad():
            self._clean = surrogate.encode(clean)

    def value(self, view: View) -> torch.Tensor:
        """Minus the sum of both."""
        seen, clean = view.encoding(), self._clean
        distance = mean_square(seen.latents, clean.latents)
        if seen.tokens is not None and clean.tokens is not None:
            distance = distance + mean_square(seen.tokens, clean.tokens)
        return -distance


class FidelityLimit(Term):
    """max(0, perceptual distance of the photo to the clean one - limit)."""

    def __init__(
        self, surrogate: VideoModel, clean: torch.Tensor, limit: float, networks: Literal["surrogate", "pretrained"]
    ) -> None:
        """`clean` is (1, 3, H, W) in [0, 1]; `networks` as of `auxiliary.LpipsDistance`, whose scales differ.

        Raises:
            UserError: if pretrained weights cannot be had.
        """
        network = lpips_distance(clean.device) if networks == "pretrained" else None
        self._nearness = LpipsDistance(surrogate, clean, network, "photo")
        self._limit = limit
        self.encodes = self._nearness.encodes
        self.vae_layers = self._nearness.vae_layers

    def value(self, view: View) -> torch.Tensor:
        """0 within the limit."""
        return torch.relu(-self._nearness.value(view) - self._limit)
