"""Latents as a denoiser predicts them, for a decoder to learn to read.

A small denoiser's latents are softer than those of clips, and a decoder that has seen only the latter draws them as
they are: blurred. What the denoiser makes of partly noised clips is soft in the same way, and it is known which frames
it stands for, so a decoder can be shown both. No latent moves; the noise levels end where the prediction still shows
the pose of the clip.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from antibench.zoo.recipes import Recipe
from antibench.zoo.training.denoiser import Objective
from antibench.zoo.training.draws import Batch, Draws

LEVELS = (0.1, 0.6)
"""Share of the schedule's noise levels that clips are noised to."""
CHUNK = 128


@torch.no_grad()
def predicted_latents(recipe: Recipe, denoiser: nn.Module, condition: nn.Module, data: Batch, seed: int) -> Tensor:
    """What a denoiser takes for the clean latents of every clip of an encoded pool, each noised once.

    Args:
        recipe: The denoiser's; none of its conditions are dropped.
        denoiser: Trained.
        condition: Trained with it.
        data: Of `encode_pool`.
        seed: Of noise and noise levels.

    Returns:
        (N, T', C, h, w) in float16, scaled as `data["latents"]`.
    """
    objective = Objective(replace(recipe, drop=dict.fromkeys(recipe.drop, 0.0)), denoiser, condition).eval()
    device = data["latents"].device
    objective.prepare(device)
    draws = Draws(seed, device)
    low, high = LEVELS
    made = []
    for i in torch.split(torch.arange(len(data["latents"]), device=device), CHUNK):
        batch = objective.batch(data, draws, i)
        batch["t"] = (low * objective.timesteps + (high - low) * batch["t"]).long()
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            made.append(objective.clean(batch).half())
    return torch.cat(made)
