"""Conditions of the families that guide text and image tokens together and keep the latent in both branches.

The tokens must carry what the latent does not, so in a share of the clips the latent is noised or gone. Dropped text is
the empty caption; dropped image tokens are those of a mid-grey photo, as in the samplers. Guidance over both needs
clips without either, guidance over the image tokens alone clips that have a caption and no tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor

from antibench.zoo.networks import PhotoEncoder
from antibench.zoo.recipes import Recipe
from antibench.zoo.training.clips import Pool
from antibench.zoo.training.draws import Batch, Draws, spoiled_photo


@torch.no_grad()
def null_tokens(condition: PhotoEncoder, pool: Pool) -> Tensor:
    """The backbone's tokens (1, 16, 1280) of a grey photo of the pool's size."""
    grey = torch.full((1, 3, *pool.frames.shape[-2:]), 0.5, device=pool.frames.device)
    return condition.raw(grey).half()


def draw_conditions(recipe: Recipe, out: Batch, data: Batch, i: Tensor, draws: Draws) -> None:
    """Put `ids` of the clips `i` into a batch, drop some with its `tokens`, and spoil some of its `photo`."""
    drop, batch = recipe.drop, len(i)
    chance = draws.uniform(batch)
    captioned, shown = chance >= drop["both"], chance >= drop["both"] + drop["tokens"]
    fate = draws.uniform(batch)
    zeroed = fate < drop["latent"]
    noised = (fate >= drop["latent"]) & (fate < drop["latent"] + drop["noised_latent"])
    out["photo"] = spoiled_photo(out["photo"], noised, zeroed, draws)
    out["ids"] = data["ids"][i] * captioned.view(-1, 1)
    out["tokens"] = torch.where(shown.view(-1, 1, 1), out["tokens"], data["null_tokens"].float())
