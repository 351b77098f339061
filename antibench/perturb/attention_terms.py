"""Terms on the surrogate's maps of attention across frames (`VideoModel.attentions`)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from antibench.contracts import VideoModel
from antibench.perturb.lean import mean_square
from antibench.perturb.objective import Term, View


class AttentionEnergy(Term):
    """Squared Frobenius norm of each T x T map, a head; 1 where attention is uniform, T where each frame sees one."""

    def __init__(self, attentions: Sequence[str]) -> None:
        """`attentions` are names of the surrogate's."""
        self.layers = tuple(attentions)

    def value(self, view: View) -> torch.Tensor:
        """Mean over attentions and heads."""
        maps = [view.denoised.features[name] for name in self.layers]
        return torch.stack([value.pow(2).sum((-2, -1)).mean() for value in maps]).mean()


class AttentionShift(Term):
    """Raise the mean squared distance of maps to those of the clean photo under the same clip, noise level and noise.

    Costs a second pass of the denoiser a step, without gradient. At the clean photo itself it has no gradient.
    """

    def __init__(self, surrogate: VideoModel, clean: torch.Tensor, attentions: Sequence[str]) -> None:
        """`clean` is (1, 3, H, W) in [0, 1] at the surrogate's size; `attentions` are names of the surrogate's."""
        self.layers = tuple(attentions)
        self._clean = clean
        with torch.no_grad():
            self._encoded = surrogate.encode(clean)

    def value(self, view: View) -> torch.Tensor:
        """Minus the distance, mean over attentions and elements."""
        clean = view.features_of(self._clean, self._encoded, self.layers)
        return -torch.stack([mean_square(view.denoised.features[name], clean[name]) for name in self.layers]).mean()
