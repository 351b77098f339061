"""DynamiCrafter's part in the training of a denoiser."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antibench.models.dynamicrafter.conditioning import beside
from antibench.models.dynamicrafter.config import DiffusionConfig
from antibench.models.dynamicrafter.schedule import Schedule
from antibench.zoo.networks import CaptionPhotoEncoder
from antibench.zoo.recipes import Recipe
from antibench.zoo.training.clips import Pool, caption_ids, clip_speed
from antibench.zoo.training.draws import Batch, Draws
from antibench.zoo.training.guided_tokens import draw_conditions, null_tokens

CHUNK = 64


class DynamiCrafterTraining:
    """Uniform timesteps; the photo's latent beside every frame, text and image tokens kept or dropped together."""

    variants = 1

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._schedule = Schedule.of(DiffusionConfig(**recipe.scheduler))
        self.timesteps = len(self._schedule.alphas_cumprod)

    def augmented(self, photo: Tensor, variant: int) -> Tensor:
        """The photo itself."""
        return photo

    def photo_scale(self, scaling_factor: float) -> float:
        """Photo latents are scaled as those of the clip."""
        return scaling_factor

    def facts(self, condition: nn.Module, pool: Pool) -> Batch:
        """`ids` (N, 12), the captions; `fs` (N,), the speeds; `null_tokens` (1, 16, 1280), those of a grey photo."""
        assert isinstance(condition, CaptionPhotoEncoder)
        speeds = [clip_speed(chunk) for chunk in torch.split(pool.frames, CHUNK)]
        return {"ids": caption_ids(pool.actions), "fs": torch.cat(speeds), "null_tokens": null_tokens(condition, pool)}

    def prepare(self, device: torch.device) -> None:
        """Move the schedule."""
        schedule = self._schedule
        self._schedule = Schedule(
            schedule.alphas_cumprod.to(device), schedule.scales.to(device), schedule.parameterization
        )

    def draw(self, out: Batch, data: Batch, i: Tensor, draws: Draws) -> Batch:
        """Timestep, caption, backbone's tokens, speed, and what is dropped."""
        draw_conditions(self.recipe, out, data, i, draws)
        out["t"] = draws.index(self.timesteps, len(i))
        out["fs"] = data["fs"][i]
        return out

    def loss(self, denoiser: nn.Module, condition: nn.Module, b: Batch) -> Tensor:
        """At the batch's timesteps."""
        _, v = self._predict(denoiser, condition, b)
        target = self._schedule.target(b["z"].transpose(1, 2), b["noise"].transpose(1, 2), b["t"])
        return F.mse_loss(v, target)

    def clean(self, denoiser: nn.Module, condition: nn.Module, b: Batch) -> Tensor:
        """At the batch's timesteps."""
        noisy, v = self._predict(denoiser, condition, b)
        scaled, _ = self._schedule.split(noisy, v, b["t"])
        return self._schedule.unscaled(scaled, b["t"]).transpose(1, 2)

    def _predict(self, denoiser: nn.Module, condition: nn.Module, b: Batch) -> tuple[Tensor, Tensor]:
        """Noised latents and predicted v, both (B, C, T, h, w)."""
        assert isinstance(condition, CaptionPhotoEncoder)
        context = torch.cat([condition.captions.embed(b["ids"]), condition.project(b["tokens"])], 1)
        noisy = self._schedule.noised(b["z"].transpose(1, 2), b["noise"].transpose(1, 2), b["t"])
        return noisy, denoiser(beside(noisy, b["photo"]), b["t"], context, b["fs"]).float()
