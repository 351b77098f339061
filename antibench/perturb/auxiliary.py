"""Auxiliary terms: raise the distance to the clean photo as another network sees it.

Each takes a pretrained network, or None to let the surrogate's own image encoders stand in where no hub is reachable.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch.nn.functional import cosine_similarity, normalize

from antibench.contracts import VideoModel
from antibench.perturb.backbones import Distance, Embedding, clip_embedding, lpips_distance
from antibench.perturb.lean import lean
from antibench.perturb.objective import Term, View


def auxiliary_terms(
    surrogate: VideoModel,
    clean: torch.Tensor,
    networks: Literal["surrogate", "pretrained"],
    lpips_of: Literal["reconstruction", "photo"],
) -> list[Term]:
    """CLIP and LPIPS distance to the clean (1, 3, H, W) photo.

    With "surrogate" networks, the CLIP distance is left out if the surrogate has no image tokens.

    Raises:
        UserError: if pretrained weights cannot be had.
    """
    if networks == "pretrained":
        clip, lpips = clip_embedding(clean.device), lpips_distance(clean.device)
        return [ClipDistance(surrogate, clean, clip), LpipsDistance(surrogate, clean, lpips, lpips_of)]
    tokens = [ClipDistance(surrogate, clean, None)] if "image_tokens" in surrogate.gives else []
    return [*tokens, LpipsDistance(surrogate, clean, None, lpips_of)]


class ClipDistance(Term):
    """Raise 1 - cosine between the embeddings of the protected and of the clean photo.

    Without a network, the embeddings are the surrogate's own image tokens, compared token by token. At the clean photo
    the distance and its gradient are 0; other terms have to leave it first.
    """

    bounded = True
    denoises = False

    def __init__(self, surrogate: VideoModel, clean: torch.Tensor, network: Embedding | None) -> None:
        """`clean` is (1, 3, H, W) in [0, 1].

        Raises:
            ValueError: without a network, if the surrogate has no image tokens.
        """
        self._network = network
        self.encodes = network is None
        with torch.no_grad():
            self._clean = _tokens(surrogate.encode(clean).tokens) if network is None else network(clean)

    def value(self, view: View) -> torch.Tensor:
        """Cosine - 1, in [-2, 0]."""
        seen = _tokens(view.encoding().tokens) if self._network is None else self._network(view.image)
        return cosine_similarity(seen, self._clean, dim=-1).mean() - 1


class LpipsDistance(Term):
    """Raise the perceptual distance to the clean photo.

    Without a network, it is LPIPS without learnt weights on the stages of the surrogate's VAE encoder: squared
    distance of features of unit length, mean over positions and stages.

    `of` says what is compared with the clean photo: "reconstruction", the protected photo after the surrogate's VAE,
    or "photo", the protected photo itself, where invisibility rests on the budget alone.
    """

    bounded = True
    denoises = False

    def __init__(
        self,
        surrogate: VideoModel,
        clean: torch.Tensor,
        network: Distance | None,
        of: Literal["reconstruction", "photo"],
    ) -> None:
        """`clean` is (1, 3, H, W) in [0, 1]."""
        self._network = network
        self._of = of
        self._clean = clean
        self.encodes = network is None or of == "reconstruction"
        self.vae_layers = surrogate.vae_layers if network is None and of == "photo" else ()
        with torch.no_grad():
            self._features = surrogate.encode(clean, capture=surrogate.vae_layers).features if network is None else {}

    def value(self, view: View) -> torch.Tensor:
        """Minus the distance."""
        if self._of == "photo" and self._network is None:
            return -_feature_distance(view.encoding().features, self._features)
        surrogate = view.surrogate
        seen = view.image if self._of == "photo" else surrogate.decode_image(view.encoding().latents)
        if self._network is not None:
            return -self._network(seen, self._clean)
        return -_feature_distance(surrogate.encode(seen, capture=surrogate.vae_layers).features, self._features)


def _feature_distance(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Both (N, C, ...) with the same names; `one` may hold more."""
    return torch.stack([lean(_stage_distance, one[name], value) for name, value in other.items()]).mean()


def _stage_distance(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return (normalize(one.float(), dim=1) - normalize(other.float(), dim=1)).pow(2).sum(1).mean()


def _tokens(tokens: torch.Tensor | None) -> torch.Tensor:
    if tokens is None:
        raise ValueError("the surrogate has no image tokens to compare; use auxiliary='pretrained'")
    return tokens
