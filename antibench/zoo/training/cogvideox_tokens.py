"""The part in the training of a denoiser of a CogVideoX that also reads image tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from antibench.zoo.networks import CaptionTokenEncoder
from antibench.zoo.training.clips import Pool
from antibench.zoo.training.cogvideox import CogVideoXTraining
from antibench.zoo.training.draws import Batch, Draws
from antibench.zoo.training.guided_tokens import draw_conditions, null_tokens


class CogVideoXTokensTraining(CogVideoXTraining):
    """As CogVideoX; the photo is beside every latent frame, and caption and image tokens are dropped together."""

    variants = 1

    def augmented(self, photo: Tensor, variant: int) -> Tensor:
        """The photo itself."""
        return photo

    def facts(self, condition: nn.Module, pool: Pool) -> Batch:
        """The captions, and `null_tokens` (1, 16, 1280), those of a grey photo."""
        assert isinstance(condition, CaptionTokenEncoder)
        return {**super().facts(condition, pool), "null_tokens": null_tokens(condition, pool)}

    def draw(self, out: Batch, data: Batch, i: Tensor, draws: Draws) -> Batch:
        """Timestep, caption, backbone's tokens, and what is dropped."""
        draw_conditions(self.recipe, out, data, i, draws)
        out["t"] = draws.index(self.timesteps, len(i))
        return out

    def context(self, condition: nn.Module, b: Batch) -> Tensor:
        """Caption, then image tokens."""
        assert isinstance(condition, CaptionTokenEncoder)
        return torch.cat([condition.captions.embed(b["ids"]), condition.project(b["tokens"])], 1)

    def beside(self, b: Batch) -> Tensor:
        """The photo, once a latent frame."""
        return b["photo"][:, None].expand(-1, b["z"].shape[1], -1, -1, -1)
