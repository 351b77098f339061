"""The small network that rates the quality of photos and frames: what it is, how it is trained, where its weights lie.

It stands in the small world for Q-Align in the real one: five levels, of which the mean is the score. It is trained on
rendered photos of people whom nobody else has seen, under graded distortions, and has seen no protection. It judges: no
protection and no model may import this module (tested).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from antibench.zoo.network_file import network_folder, read_network
from antibench.zoo.recipes import Training

SIZE = 64
"""Side of the photos in pixels."""
PEOPLE, PEOPLE_HELD_OUT = 6_000_000, 7_000_000
"""Offsets into the training people, in batches, as in `purifiers`."""
RATINGS = ("excellent", "good", "fair", "poor", "bad")


@dataclass(frozen=True)
class Quality:
    """One network.

    Attributes:
        name: Folder of the weights.
        widths: Channels of its stages; each but the first halves the resolution.
        train: How it is trained; `batch` is photos a step.
        most_bytes: What the file of its weights, in eight bits, stays below.
    """

    name: str
    widths: tuple[int, ...]
    train: Training
    most_bytes: int


QUALITIES: dict[str, Quality] = {
    quality.name: quality
    for quality in (
        Quality(
            name="quality-small",
            widths=(20, 32, 48, 72),
            train=Training(steps=1_500, batch=48, learning_rate=1.5e-3, seed=101, ema=0.995),
            most_bytes=160_000,
        ),
    )
}


class RatingNet(nn.Module):
    """Convolutions, then mean and spread of each channel over the photo, then five levels.

    The spread is there because noise has no mean. Nothing normalises in between: that would hide how much there is.
    """

    def __init__(self, widths: tuple[int, ...]) -> None:
        """`widths` as in `Quality`."""
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for stage, width in enumerate(widths):
            layers += [nn.Conv2d(channels, width, 3, 2 if stage else 1, 1), nn.ReLU()]
            layers += [nn.Conv2d(width, width, 3, 1, 1), nn.ReLU()]
            channels = width
        self.trunk = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(2 * channels, channels), nn.ReLU(), nn.Linear(channels, len(RATINGS)))
        for layer in self.trunk:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, photos: Tensor) -> Tensor:
        """Photos (B, 3, H, W) in [0, 1], sides at least 8, to logits of the levels (B, 5), the best one first."""
        features = self.trunk(photos - 0.5).flatten(2)
        spread = (features.var(dim=2, correction=0) + 1e-6).sqrt()
        logits: Tensor = self.head(torch.cat([features.mean(dim=2), spread], dim=1))
        return logits


def rating(logits: Tensor) -> Tensor:
    """The mean level of logits (B, 5) as a score (B,) in 0..1: weights 1, 0.75, 0.5, 0.25, 0, as Q-Align's scorer."""
    weights = torch.linspace(1, 0, len(RATINGS), device=logits.device)
    return logits.float().softmax(dim=1) @ weights


def load_quality(name: str, folder: Path | None = None) -> RatingNet:
    """A trained network on the CPU, frozen and in float32.

    Args:
        name: One of `QUALITIES`.
        folder: Of its weights; None for those that are shipped.

    Raises:
        UserError: see `network_folder`.
    """
    folder = network_folder(name, QUALITIES, "small quality network") if folder is None else folder
    return read_network(RatingNet(QUALITIES[name].widths), folder)
