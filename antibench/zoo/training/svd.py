"""Stable Video Diffusion's part in the training of a denoiser."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antibench.zoo.networks import TokenImageEncoder
from antibench.zoo.recipes import Recipe
from antibench.zoo.training.clips import Pool, motion_bucket
from antibench.zoo.training.draws import Batch, Draws, spoiled_photo

LOG_SIGMA = (0.7, 1.6)
"""Mean and spread of the training noise's log, as SVD (arXiv 2311.15127, appendix) trains at low resolution."""
CHUNK = 64


class SVDTraining:
    """Noise levels of Karras et al.; photo latents and image tokens, each dropped on its own or both together."""

    variants = 3
    token_variants = 1

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def augmented(self, photo: Tensor, variant: int) -> Tensor:
        """With the noise augmentation, but for variant 0."""
        if variant == 0:
            return photo
        strength: float = self.recipe.sampling["noise_aug_strength"]
        return photo + strength * torch.randn_like(photo)

    def photo_scale(self, scaling_factor: float) -> float:
        """Photo latents are not scaled."""
        return 1.0

    def facts(self, condition: nn.Module, pool: Pool) -> Batch:
        """`bucket` (N,): the motion of each clip."""
        return {"bucket": torch.cat([motion_bucket(chunk) for chunk in torch.split(pool.frames, CHUNK)])}

    def prepare(self, device: torch.device) -> None:
        """There are no tables."""

    def draw(self, out: Batch, data: Batch, i: Tensor, draws: Draws) -> Batch:
        """Noise level, tokens, micro-conditions, and what is dropped."""
        drop, batch = self.recipe.drop, len(i)
        fate = draws.uniform(batch)
        both = fate < drop["both"]
        no_latent = both | ((fate >= drop["both"]) & (fate < drop["both"] + drop["latent"]))
        edge = drop["both"] + drop["latent"]
        noised = (fate >= edge) & (fate < edge + drop["noised_latent"])
        no_tokens = both | (fate > 1 - drop["tokens"])
        out["photo"] = spoiled_photo(out["photo"], noised, no_latent, draws)
        # Null tokens are zeros after the projection, as the pipeline makes them.
        out["keep_tokens"] = (~no_tokens).float().view(-1, 1, 1)
        mean, spread = LOG_SIGMA
        out["sigma"] = torch.exp(mean + spread * draws.normal(batch)).clamp(0.02, 80)
        sampling = self.recipe.sampling
        ids = torch.full((batch, 3), float(sampling["fps"] - 1), device=draws.device)
        ids[:, 1], ids[:, 2] = data["bucket"][i], sampling["noise_aug_strength"]
        out["time_ids"] = ids
        return out

    def loss(self, denoiser: nn.Module, condition: nn.Module, b: Batch) -> Tensor:
        """With noise of deviation sigma on latents of unit variance."""
        assert isinstance(condition, TokenImageEncoder)
        sigma = b["sigma"].view(-1, 1, 1, 1, 1)
        root = (sigma.square() + 1).sqrt()
        noisy = b["z"] + sigma * b["noise"]
        photo = b["photo"][:, None].expand(-1, noisy.shape[1], -1, -1, -1)
        tokens = condition.project(b["tokens"]) * b["keep_tokens"]
        timestep = 0.25 * b["sigma"].log()
        x = torch.cat([noisy / root, photo], 2)
        v = denoiser(x, timestep, tokens, added_time_ids=b["time_ids"], return_dict=False)[0]
        target = (noisy / root.square() - b["z"]) * root / sigma
        return F.mse_loss(v.float(), target)
