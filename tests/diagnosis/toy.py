"""A model of which everything is known, and protections of it, one good and the others each broken in one way.

A clip turns grey with the photo's `amount`, its mean product with a fixed pattern of signs. A perturbation along the
pattern raises it by the budget; one of random signs by a twenty-eighth of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch

from antibench.contracts import Card, Case, FramesU8, ImageU8, PerturbContext
from antibench.diagnosis.measure import Setting
from antibench.perturb.pgd import pgd
from antibench.pixels import digest, frames_to_u8, to_float
from antibench.testing.purification_contract import sample_photo

SIDE = 16
PATTERN = torch.randint(0, 2, (1, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(7)).float() * 2 - 1


def amount(photo: torch.Tensor) -> torch.Tensor:
    """(1, 3, H, W) -> scalar; 0 on average, and at most the budget more for a protected photo."""
    return (PATTERN * (photo - 0.5)).mean()


@dataclass
class ToyModel:
    """Animates; has no denoiser, so a protection of it brings its own objective."""

    size: tuple[int, int] = (SIDE, SIDE)
    frames: int = 2
    gives: frozenset[str] = frozenset({"diffusion_loss"})

    def generate(self, image: ImageU8, prompt: str, seed: int) -> FramesU8:
        photo = to_float(image)
        grey = float((10 * amount(photo) + 0.2).clamp(0, 1))
        frame = (1 - grey) * photo + grey * 0.5
        return frames_to_u8(frame.repeat(self.frames, 1, 1, 1))


def judge(photo: ImageU8, frames: FramesU8) -> float:
    """Correlation of the contrast, 1 where the clip is the photo and 0 where it is grey or a stranger."""
    clean = photo.astype(float) - photo.mean()
    shown = frames[0].astype(float) - frames[0].mean()
    return float((clean * shown).mean() / (clean * clean).mean())


def setting(photos: int = 2) -> Setting:
    found = []
    for index in range(photos):
        photo = (sample_photo(index, (SIDE, SIDE)) // 2 + 64).astype(np.uint8)
        found.append(Case(f"c{index}", photo, "", digest(photo)))
    return Setting(ToyModel(), found, judge=judge)  # type: ignore[arg-type]


Fault = Literal[
    "", "detached", "partly detached", "reversed", "rounded", "saturated", "wrong sign", "fractions", "fragile"
]


@dataclass(frozen=True)
class Raises:
    """Descends -tanh of the amount, or what is left of that with a fault."""

    fault: Fault = ""
    steps: int = 12
    alpha: float | None = None

    name: ClassVar[str] = "raises"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card("for tests")
    needs: ClassVar[frozenset[str]] = frozenset({"diffusion_loss"})
    stochastic: ClassVar[bool] = False
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        return pgd(image, self.objective, epsilon=context.epsilon, steps=self.steps, alpha=self.alpha)

    def objective(self, photo: torch.Tensor) -> torch.Tensor:
        loss = -torch.tanh(8 * amount(self._seen(photo)))
        if self.fault == "partly detached":
            return loss - 1e-3 * amount(photo)
        if self.fault == "wrong sign":
            return -loss
        if self.fault == "fractions":  # of a level: one sign in whole levels, the other between them
            return loss * 1e-3 - (PATTERN * torch.sin(2 * torch.pi * 255 * photo)).mean()
        if self.fault == "saturated":
            return -torch.tanh(1e5 * (2 + amount(photo)))
        return loss

    def _seen(self, photo: torch.Tensor) -> torch.Tensor:
        if self.fault in ("detached", "partly detached"):
            return photo.detach()
        if self.fault == "reversed":
            return 2 * photo.detach() - photo
        return (photo * 64).round() / 64 if self.fault == "rounded" else photo
