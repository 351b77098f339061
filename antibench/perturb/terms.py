"""Terms of protection objectives. Each is minimised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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

    @property
    def elements(self) -> int:
        """How many the mean is over."""
        return self._latents.numel()

    def value(self, view: View) -> torch.Tensor:
        """Per element."""
        return mean_square(view.denoised.image_latents, self._latents)


class Collapse(Term):
    """IRC of Anti-I2V: deep denoiser features are pulled down to shallow ones of the same pass.

    The shallow side is detached: otherwise the shallow layer could instead be enriched to look like the deep one.
    """

    def __init__(self, layers: Sequence[str], deep: int = 3) -> None:
        """`layers` are all of the denoiser's, in order. Which pair up is seen in the first pass, from their shapes;
        `deep` of the last ones at most."""
        self._order = tuple(layers)
        self._deep = deep
        self._pairs: dict[str, str] = {}
        self.layers = self._order

    def value(self, view: View) -> torch.Tensor:
        """Mean over pairs and elements."""
        features = view.denoised.features
        if not self._pairs:
            self._pairs = shallow_partners(
                {name: features[name].shape for name in self._order}, self._order, deep=self._deep
            )
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
        self._known: dict[int, dict[str, _Wanted]] = {}
        with torch.no_grad():
            self._encoded = surrogate.encode(target, capture=self.vae_layers)
            self._stages = _wanted({name: self._encoded.features[name] for name in self.vae_layers})
            self._latents = _Wanted.of(self._encoded.latents)

    def value(self, view: View) -> torch.Tensor:
        """Mean over the denoiser layers, plus mean over the VAE stages, plus the latents."""
        encoded, features = view.encoding(), view.denoised.features
        denoiser = [wanted.distance(features[name]) for name, wanted in self._features(view).items()]
        vae = [wanted.distance(encoded.features[name]) for name, wanted in self._stages.items()]
        return torch.stack(denoiser).mean() + torch.stack(vae).mean() + self._latents.distance(encoded.latents)

    def _features(self, view: View) -> dict[str, _Wanted]:
        if view.draw is None:
            return _wanted(view.features_of(self._target, self._encoded, self.layers))
        if view.draw not in self._known:
            features = _wanted(view.features_of(self._target, self._encoded, self.layers))
            self._known[view.draw] = {name: wanted.on_host() for name, wanted in features.items()}
        return _fetched(self._known[view.draw], view.image.device)


@dataclass(frozen=True)
class _Wanted:
    """Activations of the target photo and their mean square, which distances to them are divided by."""

    values: torch.Tensor
    size: torch.Tensor

    @classmethod
    def of(cls, values: torch.Tensor) -> _Wanted:
        return cls(values, values.float().pow(2).mean().clamp(min=1e-12))

    def distance(self, values: torch.Tensor) -> torch.Tensor:
        return mean_square(values, self.values) / self.size

    def on_host(self) -> _Wanted:
        """With the values in the host's memory, pinned so that they come back without holding up the device."""
        return replace(self, values=self.values.cpu().pin_memory()) if self.values.is_cuda else self


def _wanted(features: Mapping[str, torch.Tensor]) -> dict[str, _Wanted]:
    return {name: _Wanted.of(values) for name, values in features.items()}


def _fetched(waiting: dict[str, _Wanted], device: torch.device) -> dict[str, _Wanted]:
    """Brought to the device beside the forward pass that it is still busy with, not after it."""
    if device.type != "cuda":
        return waiting
    now, beside = torch.cuda.current_stream(device), torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    with torch.cuda.stream(beside):
        here = {name: wanted.values.to(device, non_blocking=True) for name, wanted in waiting.items()}
    now.wait_stream(beside)
    for values in here.values():
        values.record_stream(now)  # or its memory would be given away as soon as the other stream is done with it
    return {name: replace(wanted, values=here[name]) for name, wanted in waiting.items()}


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
