"""DDIM steps with the dynamic rescale, and classifier-free guidance with its own rescale.

Source: Song et al. 2021, "Denoising Diffusion Implicit Models" (arXiv 2010.02502), equations 12 and 16; guidance
rescale of Lin et al. 2023 (arXiv 2305.08891), equations 15 and 16.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from antibench.models.dynamicrafter.schedule import Schedule

Spacing = Literal["uniform", "uniform_trailing"]


class Step(NamedTuple):
    """What a DDIM step gives.

    Attributes:
        previous: The latent at the next lower noise level.
        clean: The clean latent predicted on the way, at the scale of that level.
    """

    previous: Tensor
    clean: Tensor


@dataclass(frozen=True)
class Guidance:
    """Classifier-free guidance."""

    scale: float = 7.5
    """How far to go from the unconditional prediction towards the conditional one; at 1 guidance is off."""
    rescale: float = 0.7
    """How much of the conditional prediction's standard deviation to restore: 0 to 1."""

    def __call__(self, conditional: Tensor, unconditional: Tensor) -> Tensor:
        """The guided prediction (B, C, T, h, w)."""
        return self.rescaled(self.combined(conditional, unconditional), conditional)

    def combined(self, conditional: Tensor, unconditional: Tensor) -> Tensor:
        """Guidance before its rescale."""
        return unconditional + self.scale * (conditional - unconditional)

    def rescaled(self, guided: Tensor, conditional: Tensor) -> Tensor:
        """Bring a sample's standard deviation back towards that of its conditional prediction."""
        if self.rescale == 0:
            return guided
        axes = list(range(1, guided.ndim))
        ratio = conditional.std(dim=axes, keepdim=True) / guided.std(dim=axes, keepdim=True)
        return guided * (self.rescale * ratio + 1 - self.rescale)


@dataclass(frozen=True)
class DDIM:
    """The steps of a sampling, S of them, in ascending order of noise: sampling walks them from the end.

    Attributes:
        schedule: The schedule of the model.
        timesteps: (S,) int64.
        alphas: (S,) float32, share of signal variance at each step.
        alphas_prev: (S,), the same at the level that a step leads to.
        sigmas: (S,), standard deviation of the noise that a step adds.
        scale: (S,), dynamic rescale of the clean latent at each step.
        scale_prev: (S,), the same at the level that a step leads to.
    """

    schedule: Schedule
    timesteps: Tensor
    alphas: Tensor
    alphas_prev: Tensor
    sigmas: Tensor
    scale: Tensor
    scale_prev: Tensor

    @classmethod
    def of(cls, schedule: Schedule, steps: int, spacing: Spacing = "uniform_trailing", eta: float = 1.0) -> DDIM:
        """Choose the steps.

        Args:
            schedule: The schedule of the model.
            steps: How many. "uniform" takes every (levels // steps)-th level, which may be more than asked for.
            spacing: "uniform" starts at the lowest levels, "uniform_trailing" ends at the highest one.
            eta: 0 adds no noise at all, 1 as much as ancestral sampling.

        Raises:
            ValueError: if the steps do not fit into the schedule.
        """
        timesteps = torch.from_numpy(_timesteps(len(schedule.alphas_cumprod), steps, spacing))
        alphas = schedule.alphas_cumprod.cpu()[timesteps]
        alphas_prev = torch.cat([schedule.alphas_cumprod.cpu()[:1], alphas[:-1]])
        scale = schedule.scales.cpu()[timesteps]
        scale_prev = torch.cat([scale[:1], scale[:-1]])
        sigmas = eta * ((1 - alphas_prev) / (1 - alphas) * (1 - alphas / alphas_prev)).sqrt()
        return cls(schedule, timesteps, alphas, alphas_prev, sigmas, scale, scale_prev)

    def step(self, index: int, noised: Tensor, prediction: Tensor, noise: Tensor) -> Step:
        """One step towards less noise.

        Args:
            index: Which step, from the end of the ascending order down to 0.
            noised: (B, C, T, h, w) latent at that level.
            prediction: The network's (guided) prediction for it, same shape.
            noise: Standard normal, same shape; weighed by the step's sigma.
        """
        timestep = self.timesteps[index].expand(noised.shape[0])
        clean, eps = self.schedule.split(noised, prediction, timestep)
        clean = clean * float(self.scale_prev[index] / self.scale[index])
        a_prev, sigma = self.alphas_prev[index], self.sigmas[index]
        # Zero in exact arithmetic for eta = 1 at zero signal; rounding may take it below.
        direction = (1 - a_prev - sigma**2).clamp(min=0).sqrt()
        return Step(float(a_prev.sqrt()) * clean + float(direction) * eps + float(sigma) * noise, clean)

    def sample(self, start: Tensor, predict: Callable[[Tensor, int], Tensor], noise: Callable[[], Tensor]) -> Tensor:
        """Walk all the steps.

        Args:
            start: (B, C, T, h, w) standard normal latent.
            predict: Gives the (guided) prediction for a noised latent and its timestep.
            noise: Draws the noise of a step; called once a step, the last included.

        Returns:
            The clean latent, before the model's scale factor is divided out.
        """
        noised = start
        for index in reversed(range(len(self.timesteps))):
            noised = self.step(index, noised, predict(noised, int(self.timesteps[index])), noise()).previous
        return noised


def _timesteps(levels: int, steps: int, spacing: Spacing) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if not 1 <= steps <= levels:
        raise ValueError(f"{steps} steps; a schedule of {levels} levels takes 1 to {levels}")
    if spacing == "uniform":
        chosen = np.arange(0, levels, levels // steps) + 1
    else:
        chosen = np.round(np.arange(levels, 0, -levels / steps)).astype(np.int64)[::-1] - 1
    if chosen[-1] >= levels:
        raise ValueError(f"{steps} {spacing} steps reach timestep {chosen[-1]}, one too many; choose another number")
    return chosen.astype(np.int64)
