"""How much an image autoencoder changes the photo as it reaches the model: what an adaptive purifier can see."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.result import within
from antibench.pixels import to_float
from antibench.zoo.purifiers import load_purifier

NETWORK = "purifier-vae-small"


@dataclass(frozen=True)
class VaeConsistencySmall:
    """Mean absolute difference in levels between the photo as seen by the model and what an autoencoder makes of it.

    The autoencoder was trained on rendered portraits that nobody protected and belongs to no video model. What is no
    portrait, such as a perturbation, it cannot reproduce. The clean photo is not looked at.
    """

    name: ClassVar[str] = "vae-consistency[small]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Change of the protected (and purified) photo by an autoencoder",
        source="reconstruction error of an autoencoder, after MagNet (Meng and Chen, CCS 2017)",
        year=2017,
        arxiv="1705.09064",
        licence=f"weights Apache-2.0 ({NETWORK})",
        notes="Of the small world: it has seen rendered portraits alone. It chooses (`antibench.chosen`) and judges nothing: "
        "a protection may be made through it, by eot(vae-round-trip).",
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "neither"
    bounds: ClassVar[tuple[float, float]] = (0.0, 255.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "photo"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        """0..255 levels; 0 = the autoencoder changes nothing."""
        if view.world != "small":
            return Unscored("the autoencoder has seen rendered portraits alone")
        photo = 2 * to_float(view.seen) - 1
        with torch.no_grad():
            again = _autoencoder()(photo).sample.clamp(-1, 1)
        return within(self.bounds, float(np.abs(127.5 * (again - photo)).mean()))


@lru_cache(maxsize=1)
def _autoencoder() -> Any:
    return load_purifier(NETWORK)
