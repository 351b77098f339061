"""Latents as a denoiser predicts them: of every clip in its order, from levels that still show it, nothing dropped."""

from __future__ import annotations

import torch
from diffusers import CogVideoXDDIMScheduler
from torch import Tensor, nn

from antibench.zoo.networks import CaptionTokenEncoder
from antibench.zoo.recipes import RECIPES
from antibench.zoo.training.predicted import LEVELS, predicted_latents

RECIPE = RECIPES["cogvideox-tokens-small"]


class Silent(nn.Module):
    """Answers zero, so that the clean latents are the noised ones times their share of signal; keeps what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.contexts: list[Tensor] = []
        self.photos: list[Tensor] = []

    def forward(self, x: Tensor, context: Tensor, t: Tensor, **rest: object) -> tuple[Tensor]:
        self.contexts.append(context)
        self.photos.append(x[:, 0, 16:])
        return (torch.zeros_like(x[:, :, :16]),)


def test_every_clip_is_predicted_once_and_with_all_it_is_told() -> None:
    clips = 130  # more than one chunk
    size = 1000.0 + torch.arange(clips)
    data = {
        "latents": size.view(-1, 1, 1, 1, 1).expand(-1, 2, 16, 4, 4),
        "photo": torch.ones(clips, 1, 16, 4, 4),
        "tokens": torch.randn(clips, 16, 1280, generator=torch.Generator().manual_seed(0)),
        "null_tokens": torch.zeros(1, 16, 1280),
        "ids": torch.ones(clips, 12, dtype=torch.long),
    }
    denoiser, condition = Silent(), CaptionTokenEncoder(64)
    made = predicted_latents(RECIPE, denoiser, condition, data, seed=3)
    assert made.shape == (clips, 2, 16, 4, 4)
    assert made.dtype == torch.float16
    alpha = CogVideoXDDIMScheduler(**RECIPE.scheduler).alphas_cumprod
    share = made.float().mean((1, 2, 3, 4)) / size  # of the signal, squared, but for noise of a thousandth
    low, high = (float(alpha[int(level * 1000)]) for level in reversed(LEVELS))
    assert low - 0.01 < float(share.min()) < low + 0.1
    assert high - 0.1 < float(share.max()) < high + 0.01
    told = condition.captions.embed(data["ids"][:1])
    assert all(torch.equal(context[:, :12], told.expand(len(context), -1, -1)) for context in denoiser.contexts)
    assert all(bool((photo == 1).all()) for photo in denoiser.photos)
    again = predicted_latents(RECIPE, denoiser, condition, data, seed=3)
    assert torch.equal(made, again)
