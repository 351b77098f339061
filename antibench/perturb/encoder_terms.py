"""Terms that read the photo's latent, or the photo itself, and no denoiser. Each is minimised."""

from __future__ import annotations

import torch
from torch.nn.functional import cosine_similarity, mse_loss

from antibench.contracts import VideoModel
from antibench.perturb.objective import Term, View


class EncodedNorm(Term):
    """Length of the photo's latent, ||E(x')||_2."""

    encodes = True
    denoises = False

    def value(self, view: View) -> torch.Tensor:
        """Over all elements."""
        length: torch.Tensor = torch.linalg.vector_norm(view.encoding().latents.float())
        return length


class EncodedDistance(Term):
    """Mean squared distance of the photo's latent to that of another photo, ||E(x') - E(other)||^2 / elements."""

    encodes = True
    denoises = False

    def __init__(self, surrogate: VideoModel, other: torch.Tensor) -> None:
        """`other` is (1, 3, H, W) in [0, 1] at the surrogate's size."""
        with torch.no_grad():
            self._latents = surrogate.encode(other).latents.float()

    def value(self, view: View) -> torch.Tensor:
        """Per element."""
        return mse_loss(view.encoding().latents.float(), self._latents)


class NoisyCosineDistance(Term):
    """1 - cosine between the latents of the photo and of another one, noise being added to the pixels of both.

    The other photo's noise is drawn once, the photo's at each step.
    """

    denoises = False
    bounded = True

    def __init__(self, surrogate: VideoModel, other: torch.Tensor, std: float, generator: torch.Generator) -> None:
        """`other` is (1, 3, H, W) in [0, 1] at the surrogate's size; `std` of the noise is on that scale."""
        self._std = std
        self._generator = generator
        with torch.no_grad():
            self._latents = surrogate.encode(self._noisy(other)).latents.float().flatten()

    def value(self, view: View) -> torch.Tensor:
        """In [0, 2]."""
        seen = view.surrogate.encode(self._noisy(view.image)).latents.float().flatten()
        return 1 - cosine_similarity(seen, self._latents, dim=0)

    def _noisy(self, image: torch.Tensor) -> torch.Tensor:
        noise = torch.randn(image.shape, generator=self._generator, device=self._generator.device)
        return image + self._std * noise.to(image)


class PixelDistance(Term):
    """Mean squared distance to the clean photo."""

    denoises = False

    def __init__(self, clean: torch.Tensor) -> None:
        """`clean` is (1, 3, H, W) in [0, 1]."""
        self._clean = clean

    def value(self, view: View) -> torch.Tensor:
        """Per element."""
        return mse_loss(view.image, self._clean)
