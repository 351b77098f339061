"""CogVideoX's part in the training of a denoiser."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from diffusers import CogVideoXDDIMScheduler
from diffusers.models.embeddings import get_3d_rotary_pos_embed
from torch import Tensor, nn

from antibench.zoo.networks import CaptionEncoder
from antibench.zoo.recipes import Recipe
from antibench.zoo.training.clips import Pool, caption_ids
from antibench.zoo.training.draws import Batch, Draws

LOG_AUGMENTATION = (-3.0, 0.5)
"""CogVideoX-I2V noises its photo in training with sigma = exp(N(-3, 0.5))."""


class CogVideoXTraining:
    """Uniform timesteps of the zero-SNR schedule; the photo beside the first frame, the caption dropped at times."""

    variants = 3

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        side = recipe.denoiser["sample_width"] // recipe.denoiser["patch_size"]
        frames = (recipe.frames - 1) // recipe.denoiser["temporal_compression_ratio"] + 1
        head = recipe.denoiser["attention_head_dim"]
        cos, sin = get_3d_rotary_pos_embed(head, ((0, 0), (side, side)), (side, side), frames)
        levels = CogVideoXDDIMScheduler(**recipe.scheduler).alphas_cumprod.float()
        self._tables = {"cos": cos, "sin": sin, "alpha": levels}
        self.timesteps = len(levels)

    def augmented(self, photo: Tensor, variant: int) -> Tensor:
        """With noise of random strength, but for variant 0."""
        if variant == 0:
            return photo
        mean, spread = LOG_AUGMENTATION
        sigma = torch.exp(mean + spread * torch.randn(len(photo), 1, 1, 1, 1, device=photo.device))
        noised: Tensor = photo + sigma * torch.randn_like(photo)
        return noised

    def photo_scale(self, scaling_factor: float) -> float:
        """Photo latents are scaled as those of the clip."""
        return scaling_factor

    def facts(self, condition: nn.Module, pool: Pool) -> Batch:
        """`ids` (N, 12): the caption of each clip."""
        return {"ids": caption_ids(pool.actions)}

    def prepare(self, device: torch.device) -> None:
        """Move rotary embedding and noise levels."""
        self._tables = {name: table.to(device) for name, table in self._tables.items()}

    def draw(self, out: Batch, data: Batch, i: Tensor, draws: Draws) -> Batch:
        """Timestep, and caption or none."""
        keep = draws.uniform(len(i), 1) >= self.recipe.drop["text"]
        out["ids"] = data["ids"][i] * keep
        out["t"] = draws.index(self.timesteps, len(i))
        return out

    def context(self, condition: nn.Module, b: Batch) -> Tensor:
        """What stands in the place of the text."""
        assert isinstance(condition, CaptionEncoder)
        return condition.embed(b["ids"])

    def beside(self, b: Batch) -> Tensor:
        """What is concatenated with the noised clip."""
        return torch.cat([b["photo"][:, None], torch.zeros_like(b["z"][:, 1:])], 1)

    def loss(self, denoiser: nn.Module, condition: nn.Module, b: Batch) -> Tensor:
        """At the batch's timesteps."""
        signal, deviation, _, v = self._predict(denoiser, condition, b)
        return F.mse_loss(v, signal * b["noise"] - deviation * b["z"])

    def clean(self, denoiser: nn.Module, condition: nn.Module, b: Batch) -> Tensor:
        """At the batch's timesteps."""
        signal, deviation, noisy, v = self._predict(denoiser, condition, b)
        return signal * noisy - deviation * v

    def _predict(self, denoiser: nn.Module, condition: nn.Module, b: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Share of signal, deviation of the noise, noised latents, predicted v."""
        alpha = self._tables["alpha"][b["t"]].view(-1, 1, 1, 1, 1)
        signal, deviation = alpha.sqrt(), (1 - alpha).sqrt()
        noisy = signal * b["z"] + deviation * b["noise"]
        rotary = (self._tables["cos"], self._tables["sin"])
        x, text = torch.cat([noisy, self.beside(b)], 2), self.context(condition, b)
        v = denoiser(x, text, b["t"], image_rotary_emb=rotary, return_dict=False)[0]
        return signal, deviation, noisy, v.float()
