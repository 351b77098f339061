"""Terms of protection objectives. Each is minimised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch

from antibench.contracts import VideoModel
from antibench.perturb.lean import mean_square
from antibench.perturb.objective import Term, View


class DiffusionLoss(Term):
    """The surrogate's own training loss, L_DM: "+" raises it (AdvDM), "-" lowers it."""

    def __init__(self, sign: Literal["+", "-"] = "+") -> None:
        self._factor = -1.0 if sign == "+" else 1.0

    def value(self, view: View) -> torch.Tensor:
        """Minus or plus L_DM."""
        return self._factor * view.denoised.loss


class LatentTarget(Term):
    """Mean squared distance of the photo's conditioning latent to that of a target photo."""

    def __init__(self, surrogate: VideoModel, target: torch.Tensor) -> None:
        """`target` is (1, 3, H, W) in [0, 1] at the surrogate's size."""
        with torch.no_grad():
            self._latents = surrogate.encode(target).latents

    def value(self, view: View) -> torch.Tensor:
        """Per element."""
        return mean_square(view.denoised.image_latents, self._latents)


class Collapse(Term):
    """IRC of Anti-I2V: deep denoiser features are pulled down to shallow ones of the same pass.

    The shallow side is detached: otherwise the shallow layer could instead be enriched to look like the deep one.
    """

    def __init__(self, layers: Sequence[str]) -> None:
        """`layers` are all of the denoiser's, in order. Which pair up is seen in the first pass, from their shapes."""
        self._order = tuple(layers)
        self._pairs: dict[str, str] = {}
        self.layers = self._order

    def value(self, view: View) -> torch.Tensor:
        """Mean over pairs and elements."""
        features = view.denoised.features
        if not self._pairs:
            self._pairs = shallow_partners({name: features[name].shape for name in self._order}, self._order)
            self.layers = tuple(dict.fromkeys([*self._pairs.values(), *self._pairs]))
        distances = [mean_square(features[deep], features[shallow].detach()) for deep, shallow in self._pairs.items()]
        return torch.stack(distances).mean()


class Anchor(Term):
    """IRA of Anti-I2V: denoiser features, VAE features and latents are pulled to those of a target photo.

    Both sides of the denoiser distance share clip, noise level, noise and caption; only the photo differs. Each
    distance is divided by the target's own mean square, since late blocks are orders of magnitude larger than others.

    The target's features depend on clip, noise level and noise, so they have to be computed at each new draw of these.
    Where draws come again, they are computed once for each and wait in the host's memory: 0.5 GB a draw for
    CogVideoX-5B at 16 frames.
    """

    encodes = True

    def __init__(self, surrogate: VideoModel, target: torch.Tensor, layers: Sequence[str]) -> None:
        """`target` is (1, 3, H, W) in [0, 1] at the surrogate's size; `layers` are denoiser layers."""
        self.layers = tuple(layers)
        self.vae_layers = surrogate.vae_layers
        self._target = target
        self._known: dict[int, dict[str, torch.Tensor]] = {}
        with torch.no_grad():
            self._encoded = surrogate.encode(target, capture=self.vae_layers)

    def value(self, view: View) -> torch.Tensor:
        """Mean over the denoiser layers, plus mean over the VAE stages, plus the latents."""
        wanted, encoded = self._wanted(view), view.encoding()
        denoiser = [_relative(view.denoised.features[name], wanted[name]) for name in self.layers]
        vae = [_relative(encoded.features[name], self._encoded.features[name]) for name in self.vae_layers]
        latents = _relative(encoded.latents, self._encoded.latents)
        return torch.stack(denoiser).mean() + torch.stack(vae).mean() + latents

    def _wanted(self, view: View) -> dict[str, torch.Tensor]:
        if view.draw is None:
            return view.features_of(self._target, self._encoded, self.layers)
        if view.draw not in self._known:
            features = view.features_of(self._target, self._encoded, self.layers)
            self._known[view.draw] = {name: _on_host(value) for name, value in features.items()}
        return self._known[view.draw]


def shallow_partners(
    shapes: Mapping[str, torch.Size], layers: Sequence[str], *, shallow: int = 2, deep: int = 3
) -> dict[str, str]:
    """Pair each of the last `deep` layers, as far as they lie in the second half, with a shallow layer of their shape.

    The partner is the layer at index `shallow` (the third) where shapes agree, as throughout a transformer. In a U-Net
    it is the earliest layer of the first half with the deep layer's shape; a deep layer without one is left out.

    Args:
        shapes: Feature shape of each layer.
        layers: Names in order.
        shallow: Index of the preferred partner.
        deep: How many layers at the end, at most.

    Raises:
        ValueError: if no deep layer has a partner.
    """
    half = len(layers) // 2
    last = layers[half:][-deep:]
    candidates = [name for name in (*layers[shallow : shallow + 1], *layers[:half]) if name not in last]
    pairs = {}
    for name in last:
        partner = next((other for other in candidates if shapes[other] == shapes[name]), None)
        if partner is not None:
            pairs[name] = partner
    if not pairs:
        raise ValueError(f"none of the layers {', '.join(last)} has a shallow layer of the same shape")
    return pairs


def _on_host(value: torch.Tensor) -> torch.Tensor:
    """A copy in the host's memory, pinned so that it comes back without holding up the device."""
    return value.cpu().pin_memory() if value.is_cuda else value


def _relative(value: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    wanted = wanted.to(value.device, non_blocking=True)
    return mean_square(value, wanted) / wanted.float().pow(2).mean().clamp(min=1e-12)
