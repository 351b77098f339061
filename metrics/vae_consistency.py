"""How much an image autoencoder changes the photo as it reaches the model: what an adaptive purifier can see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from antibench.contracts import Card, CellView, Unscored
from antibench.metrics.result import within
from antibench.purifications.vae_round_trip import VaeRoundTrip


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
        licence="weights Apache-2.0 (purifier-vae-small)",
        notes="The autoencoder has seen rendered portraits alone. It chooses (`antibench.chosen`), judges nothing: a "
        "protection may be made through it, by eot(vae-round-trip).",
    )
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "neither"
    bounds: ClassVar[tuple[float, float]] = (0.0, 255.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "photo"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        """0..255 levels; 0 = the autoencoder changes nothing."""
        again = VaeRoundTrip().apply(view.seen, strength=1, rng=np.random.default_rng(0))  # draws nothing
        return within(self.bounds, float(np.abs(again.astype(int) - view.seen).mean()))
