"""IMPRESS: a photo near the protected one that a VAE reproduces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn.functional import mse_loss, relu

from antibench.contracts import Card, Place

from ._cards import EMBEDDED
from ._cards import IMPRESS as CITATION
from ._learned import Learned, whole
from ._networks import check_network, coarseness, network_of, padded
from ._perceptual import Distance, lpips_apart, stages_apart


@dataclass(frozen=True)
class Impress(Learned):
    """Strength is the number of iterations of the original, of which `share` are made.

    Attributes:
        network: "purifier-vae-small", or an `AutoencoderKL` on the hub such as stabilityai/sd-vae-ft-mse.
        revision: Its commit on the hub.
        share: Of the iterations; 1, all of them, is for photos of 512 px.
        learning_rate: Of Adam at the first iteration, falling as a cosine; photos are in [-1, 1].
        distance: Perceptual: "vae", by the stages of the VAE's own encoder, or "lpips", whose VGG has to be fetched.
        bound: Perceptual distance from the protected photo that costs nothing.
        weight: Of what is beyond it.
    """

    network: str = "purifier-vae-small"
    revision: str = ""
    share: float = 0.01
    learning_rate: float = 0.01
    distance: Literal["vae", "lpips"] = "vae"
    bound: float = 0.1
    weight: float = 0.1
    name: ClassVar[str] = "impress"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="IMPRESS: make the photo consistent with a VAE's reconstruction of it",
        source="Cao et al. 2023, the objective as its code states it",
        year=2023,
        arxiv="2310.19248",
        citation=CITATION,
        licence="the reference has none and none of its code is used; stabilityai/sd-vae-ft-mse: MIT",
        reference="github.com/AAAAAAsuka/Impress, 3cc13c2205a6bf9c5c744fa0a5f2269de19df725",
        native_space="RGB in [-1, 1] at 512 px, Stable Diffusion's VAE, LPIPS (VGG)",
        deviations=(
            "One in a hundred iterations (`share`): Adam's epsilon of 1e-5 is far above the gradient of a mean over "
            "the pixels of 512 px, which makes each step there up to 64 times as short as at 64 px.",
            "The distance is that of the VAE's own features, as no VGG lies in a package; the bound keeps its number.",
            "No noise before it, as for Glaze; for PhotoGuard the authors add 0.1.",
        ),
        notes=f"{EMBEDDED} A photo of 64 px takes 0.1, 0.8 and 2.4 s of one core.",
    )
    grid: ClassVar[tuple[float, ...]] = (100, 1000, 3000)
    stochastic: ClassVar[bool] = False
    backend: ClassVar[str] = "diffusers AutoencoderKL"
    local_files: ClassVar[tuple[str, ...]] = ("config.json",)

    def __post_init__(self) -> None:
        check_network(self, "vae")
        if self.distance not in ("vae", "lpips"):
            raise ValueError(f"distance must be vae or lpips, got {self.distance!r}")
        if not 0 < self.share <= 1 or not self.learning_rate > 0:
            raise ValueError(f"share must be in (0, 1], learning_rate above 0: {self.share}, {self.learning_rate}")

    def purified(self, photo: Tensor, strength: float, generator: torch.Generator, place: Place) -> Tensor:
        """Optimise (1, 3, H, W) in [0, 1], beginning at itself."""
        iterations = max(1, round(self.share * whole(strength, "impress")))
        vae = network_of(self, AutoencoderKL, place)
        protected = padded(2 * photo - 1, coarseness(vae))
        distance = lpips_apart(protected) if self.distance == "lpips" else stages_apart(vae, protected)
        x = protected.clone().requires_grad_()
        adam = torch.optim.Adam([x], lr=self.learning_rate, eps=1e-5)
        pace = torch.optim.lr_scheduler.CosineAnnealingLR(adam, iterations, eta_min=1e-5)
        for _ in range(iterations):
            with torch.enable_grad():
                loss = self.objective(vae, x, distance)
            (x.grad,) = torch.autograd.grad(loss, x)
            adam.step()
            pace.step()
            x.data.clamp_(-1, 1)
        return (x.detach() / 2 + 0.5)[..., : photo.shape[-2], : photo.shape[-1]]

    def objective(self, vae: Any, x: Tensor, distance: Distance) -> Tensor:
        """What (1, 3, H, W) in [-1, 1] loses in the VAE, and what it is beyond the bound."""
        return mse_loss(vae(x).sample, x) + self.weight * relu(distance(x) - self.bound)

    def twin(self, image: Tensor, *, strength: float, generator: torch.Generator) -> None:
        """None: the result is that of an optimisation."""
        return None
