"""Training of the small protectors, which raise the guided diffusion loss of a frozen victim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from antibench.models.dynamicrafter.conditioning import beside
from antibench.models.dynamicrafter.ddim import Guidance
from antibench.models.dynamicrafter.schedule import Schedule
from antibench.models.dynamicrafter.small_networks import SmallNetworks
from antibench.zoo.assemble import load_components
from antibench.zoo.protectors import LEVELS, PEOPLE, PEOPLE_HELD_OUT, OnePass, Protector
from antibench.zoo.recipes import RECIPES, Recipe
from antibench.zoo.training.clips import Pool, caption_ids
from antibench.zoo.training.degradation import eight_bits
from antibench.zoo.training.draws import Batch, Draws
from antibench.zoo.training.session import Session
from antibench.zoo.training.step import Losses, Step

CHUNK = 64
MEASURED = (4, 8, 16)
"""Budgets in 8-bit levels at which a protector is measured."""


class Victim:
    """A small DynamiCrafter, frozen: the loss that AdvDM raises (Liang et al. 2023, equation 5), in batches.

    No `nn.Module`, so that it is no part of what is trained; one is enough for a module and its moving average.
    """

    def __init__(self, name: str, device: torch.device) -> None:
        parts, recipe = load_components(name, device), RECIPES[name]
        schedule: Schedule = parts["scheduler"]
        self.recipe: Recipe = recipe
        self._schedule = Schedule(
            schedule.alphas_cumprod.to(device), schedule.scales.to(device), schedule.parameterization
        )
        self._networks = SmallNetworks(parts["vae"], parts["unet"], parts["encoder"], self._schedule)
        self._guidance = Guidance(recipe.sampling["guidance"], recipe.sampling["guidance_rescale"])
        with torch.no_grad():
            self._null_text = self._networks.text_tokens([""])
            self._null_tokens = self._networks.image_tokens(torch.zeros(1, 3, recipe.size, recipe.size, device=device))

    def __deepcopy__(self, memo: dict[int, Any]) -> Victim:
        return self

    @property
    def timesteps(self) -> int:
        """Noise levels of the schedule."""
        return len(self._schedule.alphas_cumprod)

    @torch.no_grad()
    def encode(self, pool: Pool) -> Batch:
        """`photos` (N, 3, H, W) uint8, `latents` (N, C, T, h, w) scaled in float16, `ids` (N, 12) of the captions."""
        latents = []
        for start in range(0, len(pool), CHUNK):
            pixels = pool.pixels(torch.arange(start, min(start + CHUNK, len(pool)), device=pool.frames.device))
            with torch.autocast(pixels.device.type, dtype=torch.bfloat16, enabled=pixels.is_cuda):
                flat = self._networks.image_latent(pixels.flatten(0, 1))
            latents.append(flat.reshape(*pixels.shape[:2], *flat.shape[1:]).transpose(1, 2).half())
        return {"photos": pool.frames[:, 0], "latents": torch.cat(latents), "ids": caption_ids(pool.actions)}

    def loss(self, photos: Tensor, batch: Batch) -> Tensor:
        """The mean squared error of the guided prediction, (B,), under photos (B, 3, H, W) in [0, 1]."""
        networks, sampling, level = self._networks, self.recipe.sampling, batch["level"]
        rows, pixels = len(photos), 2 * photos - 1
        text = networks.encoder.captions.embed(batch["ids"])
        null_text = self._null_text.expand(rows, -1, -1) if sampling["caption_guided"] else text
        seen = torch.cat([text, networks.image_tokens(pixels).to(text.dtype)], 1)
        unseen = torch.cat([null_text, self._null_tokens.expand(rows, -1, -1).to(text.dtype)], 1)
        noised = self._schedule.noised(batch["clip"], batch["noise"], level)
        joined = beside(noised.repeat(2, 1, 1, 1, 1), networks.image_latent(pixels).repeat(2, 1, 1, 1).to(noised.dtype))
        fs = torch.full((2 * rows,), sampling["fs"], device=photos.device)
        found: Tensor = networks.unet(joined, level.repeat(2), torch.cat([unseen, seen]), fs).float()
        unconditional, conditional = found.chunk(2)
        guided = self._guidance(conditional, unconditional)
        return (guided - self._schedule.target(batch["clip"], batch["noise"], level)).square().flatten(1).mean(1)


class ProtectorObjective(nn.Module):
    """A protector with its loss: minus the victim's."""

    def __init__(self, network: OnePass, protector: Protector, victim: Victim) -> None:
        super().__init__()
        self.network = network
        self.protector = protector
        self.victim = victim

    def draw(self, data: Batch, draws: Draws, i: Tensor) -> Batch:
        """The clips `i` with their noise, noise level and budget."""
        victim, (low, high) = self.victim, self.protector.noise_levels
        clip = data["latents"][i].float()
        share = low + (high - low) * draws.uniform(len(i))
        return {
            "photos": data["photos"][i].float() / 255,
            "clip": clip,
            "ids": data["ids"][i],
            "noise": draws.normal(*clip.shape),
            "level": (share * victim.timesteps).long().clamp(max=victim.timesteps - 1),
            "levels": LEVELS[0] + (LEVELS[1] - LEVELS[0]) * draws.uniform(len(i)),
        }

    def protected(self, batch: Batch) -> Tensor:
        """The photos as they would be saved, in 8 bits; the gradient passes straight through the rounding."""
        made: Tensor = self.network(batch["photos"], batch["levels"])
        return made + (eight_bits(made.detach()) - made.detach())

    def forward(self, batch: Batch) -> Tensor:
        """The loss of a batch, a scalar."""
        return -self.victim.loss(self.protected(batch), batch).mean()


def train_protector(objective: ProtectorObjective, data: Batch, session: Session, *, compiled: bool) -> None:
    """Take the session's steps on `objective`, which is the session's module."""
    device = data["photos"].device
    draws = Draws(session.plan.seed + session.step, device)
    error: Callable[[Batch], Tensor] = torch.compile(objective) if compiled else objective

    def losses_of(batch: Batch) -> Losses:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            return {"loss": error(batch)}

    step = Step(session, losses_of)
    while session.running():
        step(objective.draw(data, draws, draws.index(len(data["photos"]), session.plan.batch)))


@torch.no_grad()
def measure_protector(objective: ProtectorObjective, data: Batch) -> dict[str, float]:
    """The victim's guided loss on held-out clips, in float32, from the same draws: of clean photos, of ones with random
    signs of 8 levels, and of protected ones."""
    draws = Draws(objective.protector.train.seed, data["photos"].device)
    victim, count = objective.victim, len(data["photos"])
    rows: list[dict[str, Tensor]] = []
    for i in torch.split(torch.arange(count, device=data["photos"].device), CHUNK):
        batch = objective.draw(data, draws, i)
        photos = batch["photos"]
        signs = eight_bits(photos + (2 * draws.uniform(*photos.shape) - 1).sign() * 8 / 255)
        losses = {"clean": victim.loss(photos, batch), "signs_8": victim.loss(signs, batch)}
        for budget in MEASURED:
            asked = {**batch, "levels": torch.full_like(batch["levels"], budget)}
            losses[f"protected_{budget}"] = victim.loss(objective.protected(asked), asked)
        rows.append(losses)
    means = {name: float(torch.cat([row[name] for row in rows]).mean()) for name in rows[0]}
    return {"held_out_loss": -means["protected_8"], **{f"victim_loss_{name}": value for name, value in means.items()}}


def card_of(protector: Protector, network: nn.Module, figures: dict[str, float]) -> dict[str, Any]:
    """The facts that go with the weights."""
    low, high = protector.noise_levels
    return {
        "network": protector.name,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "victim": protector.victim,
        "objective": f"guided diffusion loss raised, noise levels {low:g} to {high:g} of the schedule",
        "budgets": f"{LEVELS[0]:g} to {LEVELS[1]:g} levels, uniform",
        "trained_on": f"rendered clips of the training people from batch {PEOPLE:,}",
        "held_out": f"rendered clips of the training people from batch {PEOPLE_HELD_OUT:,}",
        "figures": {name: round(value, 4) for name, value in figures.items()},
    }
