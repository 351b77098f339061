"""Terms that compare what the denoiser makes of a photo under one caption and under another."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from antibench.contracts import VideoModel
from antibench.perturb.lean import mean_square
from antibench.perturb.objective import Term, View

FLOOR = 1e-8
"""Added to effects, relative to the features' own size, before their logarithm."""


class PromptCollapse(Term):
    """Pull features under the photo's caption to those of the clean photo under another one.

    Costs a second pass of the denoiser a step, without gradient.
    """

    def __init__(self, surrogate: VideoModel, clean: torch.Tensor, layer: str, prompt: str) -> None:
        """`clean` is (1, 3, H, W) in [0, 1] at the surrogate's size; `layer` one of the denoiser's."""
        self.layers = (layer,)
        self._clean, self._prompt = clean, prompt
        with torch.no_grad():
            self._encoded = surrogate.encode(clean)

    def value(self, view: View) -> torch.Tensor:
        """Root mean square distance."""
        (layer,) = self.layers
        wanted = view.features_of(self._clean, self._encoded, self.layers, prompt=self._prompt)[layer]
        return mean_square(view.denoised.features[layer], wanted).clamp(min=1e-12).sqrt()


class TextAgainstPhoto(Term):
    """log of what the caption changes in features, minus log of what the photo changes in them.

    The caption's effect is the mean squared difference of features with it and without (the empty caption); the
    photo's that of features with it and with a mid-grey photo, both without the caption. Each layer's is divided by the
    mean square of its features with neither. Descent weakens the one and strengthens the other. Costs two more passes
    of the denoiser a step, one of them with a gradient.
    """

    encodes = True
    bounded = True

    def __init__(self, surrogate: VideoModel, photo: torch.Tensor, layers: Sequence[str]) -> None:
        """`photo` gives the size; `layers` are the denoiser's."""
        self.layers = tuple(layers)
        self._grey = torch.full_like(photo, 0.5)
        with torch.no_grad():
            self._encoded = surrogate.encode(self._grey)

    def value(self, view: View) -> torch.Tensor:
        """The difference of logarithms."""
        told = view.denoised.features
        untold = view.features_of(view.image, view.encoding(), self.layers, prompt="", gradient=True)
        neither = view.features_of(self._grey, self._encoded, self.layers, prompt="")
        sizes = {name: value.float().pow(2).mean().clamp(min=1e-12) for name, value in neither.items()}
        text = torch.stack([mean_square(told[name], untold[name]) / sizes[name] for name in self.layers]).mean()
        photo = torch.stack([mean_square(untold[name], neither[name]) / sizes[name] for name in self.layers]).mean()
        return (text + FLOOR).log() - (photo + FLOOR).log()
