"""Open-Sora's part in the training of a denoiser: a rectified flow whose first latent frame is the photo's, kept clean.

Source: Zheng et al. 2024 (arXiv 2412.20404), section 4: noise levels of a logit-normal distribution, moved by size and
length as in sampling; the loss is that of the velocity over the frames that are noised; the text is replaced by the
null text at times.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from antibench.models.opensora.rflow import LEVELS, moved, noised, transform_ratio
from antibench.zoo.networks import CaptionEncoder
from antibench.zoo.recipes import Recipe
from antibench.zoo.training.clips import Pool, caption_ids
from antibench.zoo.training.draws import Batch, Draws


class OpenSoraTraining:
    """Noise levels between 0 and 1000, the photo's latent as the first frame, the caption dropped at times."""

    variants = 1
    timesteps = int(LEVELS)

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._side = float(recipe.sampling["told_side"])
        told = (recipe.sampling["told_side"],) * 2
        self._ratio = float(transform_ratio(told, recipe.frames))

    def augmented(self, photo: Tensor, variant: int) -> Tensor:
        """The photo itself."""
        return photo

    def photo_scale(self, scaling_factor: float) -> float:
        """Photo latents are scaled as those of the clip."""
        return scaling_factor

    def facts(self, condition: nn.Module, pool: Pool) -> Batch:
        """`ids` (N, 12): the caption of each clip."""
        return {"ids": caption_ids(pool.actions)}

    def prepare(self, device: torch.device) -> None:
        """There are no tables."""

    def draw(self, out: Batch, data: Batch, i: Tensor, draws: Draws) -> Batch:
        """Noise level `t` (B,) in [0, 1000], the caption, and whether it is `told` (B,)."""
        share = torch.sigmoid(draws.normal(len(i)))
        out["t"] = moved(share, self._ratio) * LEVELS
        out["ids"] = data["ids"][i]
        out["told"] = draws.uniform(len(i)) >= self.recipe.drop["text"]
        return out

    def loss(self, denoiser: nn.Module, condition: nn.Module, b: Batch) -> Tensor:
        """At the batch's noise levels, over all frames but the photo's."""
        clip, _, velocity = self._predict(denoiser, condition, b)
        wanted = clip - b["noise"].transpose(1, 2)
        return torch.mean((velocity - wanted)[:, :, 1:] ** 2)

    def clean(self, denoiser: nn.Module, condition: nn.Module, b: Batch) -> Tensor:
        """At the batch's noise levels; the first frame is the photo's."""
        clip, z, velocity = self._predict(denoiser, condition, b)
        share = (b["t"] / LEVELS).view(-1, 1, 1, 1, 1)
        implied = torch.cat([clip[:, :, :1], (z + share * velocity)[:, :, 1:]], 2)
        return implied.transpose(1, 2)

    def _predict(self, denoiser: nn.Module, condition: nn.Module, b: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """The clip with the photo's own latent as its first frame, what is noised of it, and the predicted velocity,
        all (B, C, T, h, w)."""
        assert isinstance(condition, CaptionEncoder)
        clip = torch.cat([b["photo"][:, None], b["z"][:, 1:]], 1).transpose(1, 2)
        z = noised(clip, b["noise"].transpose(1, 2), b["t"])
        z = torch.cat([clip[:, :, :1], z[:, :, 1:]], 2)
        null: Tensor = denoiser.y_embedder.y_embedding  # type: ignore[union-attr, assignment]
        text = torch.where(b["told"].view(-1, 1, 1), condition.embed(b["ids"]), null)
        count, frames = len(z), z.shape[2]
        velocity: Tensor = denoiser(
            z,
            b["t"].float(),
            text[:, None],
            None,
            (torch.arange(frames, device=z.device) > 0).expand(count, -1),
            fps=torch.full((count,), float(self.recipe.sampling["fps"]), device=z.device),
            height=self._side,
            width=self._side,
        )
        return clip, z, velocity.float()
