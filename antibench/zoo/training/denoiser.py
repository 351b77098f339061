"""Training of a denoiser on latents computed once: v-prediction, with conditions dropped as guidance needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import CogVideoXDDIMScheduler
from diffusers.models.embeddings import get_3d_rotary_pos_embed
from torch import Tensor, nn

from antibench.zoo.networks import CaptionEncoder, TokenImageEncoder
from antibench.zoo.recipes import Recipe
from antibench.zoo.training.clips import Pool, caption_ids, motion_bucket
from antibench.zoo.training.session import Session
from antibench.zoo.training.vae import encode_clips

CHUNK = 64
LOG_SIGMA = (0.7, 1.6)
"""Mean and spread of the training noise's log, as SVD (arXiv 2311.15127, appendix) trains at low resolution."""
PHOTO_VARIANTS = 3
"""Latents kept of each photo: one clean, the others under the noise augmentation."""
COG_LOG_AUGMENTATION = (-3.0, 0.5)
"""CogVideoX-I2V noises its photo in training with sigma = exp(N(-3, 0.5))."""

Batch = dict[str, Tensor]


def encode_pool(recipe: Recipe, vae: Any, condition: nn.Module, pool: Pool) -> Batch:
    """Everything the denoiser is trained on, for every clip of the pool.

    `latents` (N, T', C, h, w) scaled; `photo` (N, variants, C, h, w) as the denoiser sees it; for svd `tokens`
    (N, 16, 1280) and `bucket` (N,), for cogvideox `ids` (N, 12).
    """
    parts: dict[str, list[Tensor]] = {"latents": [], "photo": [], "tokens": []}
    scale = vae.config.scaling_factor
    for start in range(0, len(pool), CHUNK):
        x = pool.pixels(torch.arange(start, min(start + CHUNK, len(pool)), device=pool.frames.device))
        with torch.no_grad(), torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=x.is_cuda):
            parts["latents"].append((encode_clips(vae, x) * scale).half())
            variants = [encode_clips(vae, _augmented(recipe, x[:, :1], k)) for k in range(PHOTO_VARIANTS)]
            photo = torch.cat(variants, 1) * (1.0 if recipe.family == "svd" else scale)
            parts["photo"].append(photo.half())
            if isinstance(condition, TokenImageEncoder):
                parts["tokens"].append(condition.raw(x[:, 0] / 2 + 0.5).half())
    data = {name: torch.cat(pieces) for name, pieces in parts.items() if pieces}
    if recipe.family == "svd":
        data["bucket"] = torch.cat([motion_bucket(chunk) for chunk in torch.split(pool.frames, CHUNK)])
    else:
        data["ids"] = caption_ids(pool.actions)
    return data


def _augmented(recipe: Recipe, photo: Tensor, variant: int) -> Tensor:
    if variant == 0:
        return photo
    if recipe.family == "svd":
        strength: float = recipe.sampling["noise_aug_strength"]
        return photo + strength * torch.randn_like(photo)
    mean, spread = COG_LOG_AUGMENTATION
    sigma = torch.exp(mean + spread * torch.randn(len(photo), 1, 1, 1, 1, device=photo.device))
    noised: Tensor = photo + sigma * torch.randn_like(photo)
    return noised


class Draws:
    """Random choices of a training on its device."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.device = device
        self.generator = torch.Generator(device).manual_seed(seed)

    def uniform(self, *shape: int) -> Tensor:
        """Uniform in [0, 1)."""
        return torch.rand(*shape, generator=self.generator, device=self.device)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal."""
        return torch.randn(*shape, generator=self.generator, device=self.device)

    def index(self, count: int, batch: int) -> Tensor:
        """`batch` integers below `count`."""
        return torch.randint(0, count, (batch,), generator=self.generator, device=self.device)


class Objective(nn.Module):
    """A denoiser with its condition encoder, and the loss of one batch of either family."""

    def __init__(self, recipe: Recipe, denoiser: nn.Module, condition: nn.Module) -> None:
        super().__init__()
        self.recipe = recipe
        self.denoiser = denoiser
        self.condition = condition
        if recipe.family == "cogvideox":
            side = recipe.denoiser["sample_width"] // recipe.denoiser["patch_size"]
            frames = (recipe.frames - 1) // recipe.denoiser["temporal_compression_ratio"] + 1
            head = recipe.denoiser["attention_head_dim"]
            cos, sin = get_3d_rotary_pos_embed(head, ((0, 0), (side, side)), (side, side), frames)
            levels = CogVideoXDDIMScheduler(**recipe.scheduler).alphas_cumprod.float()
            self._tables = {"cos": cos, "sin": sin, "alpha": levels}

    def prepare(self, device: torch.device) -> None:
        """Move the constant tables."""
        if self.recipe.family == "cogvideox":
            self._tables = {name: table.to(device) for name, table in self._tables.items()}

    def draw(self, data: Batch, draws: Draws, batch: int) -> Batch:
        """A batch with its noise and its dropped conditions."""
        i = draws.index(len(data["latents"]), batch)
        z = data["latents"][i].float()
        variant = draws.index(PHOTO_VARIANTS, batch)
        out = {"z": z, "noise": draws.normal(*z.shape), "photo": data["photo"][i, variant].float()}
        return (self._draw_svd if self.recipe.family == "svd" else self._draw_cogvideox)(out, data, i, draws)

    def _draw_svd(self, out: Batch, data: Batch, i: Tensor, draws: Draws) -> Batch:
        drop, batch = self.recipe.drop, len(i)
        fate = draws.uniform(batch)
        both = fate < drop["both"]
        no_latent = both | ((fate >= drop["both"]) & (fate < drop["both"] + drop["latent"]))
        edge = drop["both"] + drop["latent"]
        noised = (fate >= edge) & (fate < edge + drop["noised_latent"])
        no_tokens = both | (fate > 1 - drop["tokens"])
        photo = out["photo"]
        amount = (0.3 + 1.2 * draws.uniform(batch, 1, 1, 1)) * photo.std()
        photo = torch.where(noised.view(-1, 1, 1, 1), photo + amount * draws.normal(*photo.shape), photo)
        out["photo"] = photo * (~no_latent).view(-1, 1, 1, 1)
        # Null tokens are zeros after the projection, as the pipeline makes them.
        out["keep_tokens"] = (~no_tokens).float().view(-1, 1, 1)
        out["tokens"] = data["tokens"][i].float()
        mean, spread = LOG_SIGMA
        out["sigma"] = torch.exp(mean + spread * draws.normal(batch)).clamp(0.02, 80)
        sampling = self.recipe.sampling
        ids = torch.full((batch, 3), float(sampling["fps"] - 1), device=draws.device)
        ids[:, 1], ids[:, 2] = data["bucket"][i], sampling["noise_aug_strength"]
        out["time_ids"] = ids
        return out

    def _draw_cogvideox(self, out: Batch, data: Batch, i: Tensor, draws: Draws) -> Batch:
        keep = draws.uniform(len(i), 1) >= self.recipe.drop["text"]
        out["ids"] = data["ids"][i] * keep
        out["t"] = draws.index(len(self._tables["alpha"]), len(i))
        return out

    def forward(self, b: Batch) -> Tensor:
        """Mean squared error of the v-prediction."""
        return self._svd(b) if self.recipe.family == "svd" else self._cogvideox(b)

    def _svd(self, b: Batch) -> Tensor:
        assert isinstance(self.condition, TokenImageEncoder)
        sigma = b["sigma"].view(-1, 1, 1, 1, 1)
        root = (sigma.square() + 1).sqrt()
        noisy = b["z"] + sigma * b["noise"]
        photo = b["photo"][:, None].expand(-1, noisy.shape[1], -1, -1, -1)
        tokens = self.condition.project(b["tokens"]) * b["keep_tokens"]
        timestep = 0.25 * b["sigma"].log()
        x = torch.cat([noisy / root, photo], 2)
        v = self.denoiser(x, timestep, tokens, added_time_ids=b["time_ids"], return_dict=False)[0]
        target = (noisy / root.square() - b["z"]) * root / sigma
        return F.mse_loss(v.float(), target)

    def _cogvideox(self, b: Batch) -> Tensor:
        assert isinstance(self.condition, CaptionEncoder)
        alpha = self._tables["alpha"][b["t"]].view(-1, 1, 1, 1, 1)
        noisy = alpha.sqrt() * b["z"] + (1 - alpha).sqrt() * b["noise"]
        photo = torch.cat([b["photo"][:, None], torch.zeros_like(b["z"][:, 1:])], 1)
        rotary = (self._tables["cos"], self._tables["sin"])
        x, text = torch.cat([noisy, photo], 2), self.condition.embed(b["ids"])
        v = self.denoiser(x, text, b["t"], image_rotary_emb=rotary, return_dict=False)[0]
        return F.mse_loss(v.float(), alpha.sqrt() * b["noise"] - (1 - alpha).sqrt() * b["z"])


def train_denoiser(objective: Objective, data: Batch, session: Session, *, compiled: bool) -> None:
    """Take the session's steps on `objective`, which is the session's module."""
    plan, device = session.plan, data["latents"].device
    objective.prepare(device)
    draws = Draws(plan.seed + session.step, device)
    step: Callable[[Batch], Tensor] = torch.compile(objective) if compiled else objective
    while session.running():
        batch = objective.draw(data, draws, plan.batch)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            loss = step(batch)
        session.learn(loss)


@torch.no_grad()
def measure_denoiser(objective: Objective, data: Batch, seed: int) -> float:
    """Held-out loss of a trained objective over 512 draws."""
    device = data["latents"].device
    objective.prepare(device)
    draws = Draws(seed, device)
    losses = [objective(objective.draw(data, draws, 64)) for _ in range(8)]
    return float(torch.stack(losses).mean())
