"""Training of the small quality network, and how well its ratings rank what it has never seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
import torch.nn.functional as F
from scipy.stats import spearmanr
from torch import Tensor, nn

from antibench.zoo.quality import PEOPLE, PEOPLE_HELD_OUT, SIZE, Quality, RatingNet, rating
from antibench.zoo.training.clips import Pool
from antibench.zoo.training.distortions import HELD_OUT, LEVELS, TRAINED, Distortion, distorted
from antibench.zoo.training.draws import Batch, Draws
from antibench.zoo.training.purifiers import photos_of
from antibench.zoo.training.session import Session
from antibench.zoo.training.step import Losses, Step

CLEAN_SHARE = 0.1
"""Share of the photos that stay as they are; they are excellent."""


class QualityObjective(nn.Module):
    """A network with its loss, the cross-entropy of the level."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Batch) -> Tensor:
        """The loss of a batch, a scalar."""
        return F.cross_entropy(self.network(batch["x"]).float(), batch["level"])


def draw(pool: Pool, index: Tensor, draws: Draws) -> Batch:
    """The photos of `index`, each after one kind of distortion at one level: `x` (B, 3, H, W) and `level` (B,)."""
    photos, others = photos_of(pool, index), photos_of(pool, draws.index(len(pool), len(index)))
    kinds = list(TRAINED)
    which, level = draws.index(len(kinds), len(index)).tolist(), draws.index(LEVELS, len(index))
    clean = draws.uniform(len(index)) < CLEAN_SHARE
    spoiled = [
        photo if untouched else distorted(photo, kinds[kind], grade, other, draws)
        for photo, other, kind, grade, untouched in zip(
            photos, others, which, level.tolist(), clean.tolist(), strict=True
        )
    ]
    x = torch.stack(spoiled)
    # Mirrored and turned upside down, a photo is as good as before; a face is then no clue.
    x = torch.where(draws.uniform(len(x), 1, 1, 1) < 0.5, x.flip(-1), x)
    x = torch.where(draws.uniform(len(x), 1, 1, 1) < 0.25, x.flip(-2), x)
    return {"x": x, "level": level * ~clean}


def train_quality(objective: QualityObjective, pool: Pool, session: Session) -> None:
    """Take the session's steps on `objective`, which is the session's module."""
    draws = Draws(session.plan.seed + session.step, pool.frames.device)

    def losses_of(batch: Batch) -> Losses:
        return {"loss": objective(batch)}

    step = Step(session, losses_of)
    while session.running():
        step(draw(pool, draws.index(len(pool), session.plan.batch), draws))


@torch.no_grad()
def measure_quality(network: nn.Module, pool: Pool, seed: int) -> dict[str, float]:
    """Rank correlations of score and level (Spearman) over a pool: every photo at every level of every kind.

    Returns:
        `spearman_trained` and `spearman_held_out`, over all photos, levels and kinds of each set; the same for each
        kind, of held-out ones under its name; `clean`, the mean score of untouched photos; `held_out_loss`, the
        cross-entropy over the trained kinds.
    """
    draws = Draws(seed, pool.frames.device)
    photos = photos_of(pool, torch.arange(len(pool), device=pool.frames.device))
    found: dict[str, float] = {"clean": float(rating(network(photos)).mean())}
    losses = []
    for name, kinds in (("trained", TRAINED), ("held_out", HELD_OUT)):
        logits = {kind: _logits(network, photos, kind, draws) for kind in kinds}
        levels = torch.arange(LEVELS, device=photos.device).repeat_interleave(len(photos))
        scores = {kind: rating(value) for kind, value in logits.items()}
        found[f"spearman_{name}"] = _spearman(torch.cat(list(scores.values())), levels.repeat(len(kinds)))
        found |= {f"spearman_{kind}": _spearman(value, levels) for kind, value in scores.items()}
        if name == "trained":
            losses = [F.cross_entropy(value, levels) for value in logits.values()]
    return {"held_out_loss": float(torch.stack(losses).mean()), **found}


def _logits(network: nn.Module, photos: Tensor, kind: str, draws: Draws) -> Tensor:
    """(levels * photos, 5): all photos at level 0, then all at level 1 and so on."""
    others = photos.roll(1, 0)
    found = [
        network(torch.stack([distorted(a, kind, level, b, draws) for a, b in zip(photos, others, strict=True)]))
        for level in range(LEVELS)
    ]
    return torch.cat(found)


def _spearman(scores: Tensor, levels: Tensor) -> float:
    """Rank correlation of the scores with the levels from bad to good: 1 is perfect."""
    return float(spearmanr(scores.cpu().numpy(), -levels.cpu().numpy()).statistic)


def card_of(quality: Quality, network: nn.Module, figures: dict[str, float]) -> dict[str, Any]:
    """The facts that go with the weights."""
    return {
        "network": quality.name,
        "task": "quality in five levels",
        "parameters": sum(parameter.numel() for parameter in cast(RatingNet, network).parameters()),
        "trained_on": f"rendered photos of the training people from batch {PEOPLE:,}, {SIZE} px, distorted",
        "distortions": _listed(TRAINED),
        "distortions_held_out": _listed(HELD_OUT),
        "held_out": f"rendered photos of the training people from batch {PEOPLE_HELD_OUT:,}",
        "protections_seen": [],
        "victims_shared": "no weight, no person, no loss term",
        "figures": {name: round(value, 4) for name, value in figures.items()},
    }


def _listed(kinds: Mapping[str, Distortion]) -> dict[str, list[float]]:
    """The strengths of each kind."""
    return {name: [round(kind.strength(level), 4) for level in range(LEVELS)] for name, kind in kinds.items()}
