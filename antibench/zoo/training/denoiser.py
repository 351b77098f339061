"""Training of a denoiser on latents computed once: of v or of a velocity, with conditions dropped as guidance needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from antibench.zoo.networks import PhotoEncoder
from antibench.zoo.recipes import Recipe
from antibench.zoo.training.autoencoders import encode_clips, latent_scale
from antibench.zoo.training.clips import Pool
from antibench.zoo.training.cogvideox import CogVideoXTraining
from antibench.zoo.training.cogvideox_tokens import CogVideoXTokensTraining
from antibench.zoo.training.draws import Batch, Draws
from antibench.zoo.training.dynamicrafter import DynamiCrafterTraining
from antibench.zoo.training.family import Family
from antibench.zoo.training.opensora import OpenSoraTraining
from antibench.zoo.training.session import Session
from antibench.zoo.training.step import Losses, Step

CHUNK = 64
FAMILIES: dict[str, Callable[[Recipe], Family]] = {
    "cogvideox": CogVideoXTraining,
    "cogvideox-tokens": CogVideoXTokensTraining,
    "dynamicrafter": DynamiCrafterTraining,
    "opensora": OpenSoraTraining,
}


def encode_pool(recipe: Recipe, vae: Any, condition: nn.Module, pool: Pool) -> Batch:
    """Everything the denoiser is trained on, for every clip of the pool.

    `latents` (N, T', C, h, w) scaled; `photo` (N, variants, C, h, w) as the denoiser sees it; `tokens` (N, 16, 1280) if
    it sees the photo through a backbone; and the `facts` of the family.
    """
    family = FAMILIES[recipe.family](recipe)
    parts: dict[str, list[Tensor]] = {"latents": [], "photo": [], "tokens": []}
    scale = latent_scale(vae)
    for start in range(0, len(pool), CHUNK):
        x = pool.pixels(torch.arange(start, min(start + CHUNK, len(pool)), device=pool.frames.device))
        with torch.no_grad(), torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=x.is_cuda):
            parts["latents"].append((encode_clips(vae, x) * scale).half())
            photos = [family.augmented(x[:, :1], variant) for variant in range(family.variants)]
            seen = [encode_clips(vae, photo) for photo in photos]
            parts["photo"].append((torch.cat(seen, 1) * family.photo_scale(scale)).half())
            if isinstance(condition, PhotoEncoder):
                parts["tokens"].append(condition.raw(x[:, 0] / 2 + 0.5).half())
    data = {name: torch.cat(pieces) for name, pieces in parts.items() if pieces}
    return data | family.facts(condition, pool)


class Objective(nn.Module):
    """A denoiser with its condition encoder, and the loss of one batch of its family."""

    def __init__(self, recipe: Recipe, denoiser: nn.Module, condition: nn.Module) -> None:
        super().__init__()
        self.recipe = recipe
        self.denoiser = denoiser
        self.condition = condition
        self._family = FAMILIES[recipe.family](recipe)

    def prepare(self, device: torch.device) -> None:
        """Move the constant tables."""
        self._family.prepare(device)

    def draw(self, data: Batch, draws: Draws, batch: int) -> Batch:
        """A batch of clips of the pool."""
        return self.batch(data, draws, draws.index(len(data["latents"]), batch))

    def batch(self, data: Batch, draws: Draws, i: Tensor) -> Batch:
        """The clips `i` with their noise and their dropped conditions."""
        z = data["latents"][i].float()
        variant = draws.index(data["photo"].shape[1], len(i))
        out = {"z": z, "noise": draws.normal(*z.shape), "photo": data["photo"][i, variant].float()}
        if "tokens" in data:
            out["tokens"] = data["tokens"][i].float()
        return self._family.draw(out, data, i, draws)

    @property
    def timesteps(self) -> int:
        """Noise levels of the schedule."""
        return self._family.timesteps

    def clean(self, b: Batch) -> Tensor:
        """The clean latents that the prediction implies, scaled."""
        return self._family.clean(self.denoiser, self.condition, b)

    def forward(self, b: Batch) -> Tensor:
        """Mean squared error of the prediction, of v or of a velocity."""
        return self._family.loss(self.denoiser, self.condition, b)


def train_denoiser(objective: Objective, data: Batch, session: Session, *, compiled: bool) -> None:
    """Take the session's steps on `objective`, which is the session's module."""
    plan, device = session.plan, data["latents"].device
    objective.prepare(device)
    draws = Draws(plan.seed + session.step, device)
    error: Callable[[Batch], Tensor] = torch.compile(objective) if compiled else objective

    def losses_of(batch: Batch) -> Losses:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            return {"loss": error(batch)}

    step = Step(session, losses_of)
    while session.running():
        step(objective.draw(data, draws, plan.batch))


@torch.no_grad()
def measure_denoiser(objective: Objective, data: Batch, seed: int) -> float:
    """Held-out loss of a trained objective over 512 draws."""
    device = data["latents"].device
    objective.prepare(device)
    draws = Draws(seed, device)
    losses = [objective(objective.draw(data, draws, 64)) for _ in range(8)]
    return float(torch.stack(losses).mean())
