"""The small networks of amortised protections, which perturb a photo in one forward pass: what each is, how it is
trained, and where its weights lie.

They are trained against a small model on clips of people whom neither it nor the benchmark has seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DModel
from torch import Tensor, nn
from torch.nn import functional as F

from antibench.zoo.network_file import network_folder, read_network
from antibench.zoo.recipes import Training

PEOPLE, PEOPLE_HELD_OUT = 4_000_000, 5_000_000
"""Offsets into the training people, in batches, as in `purifiers`."""
LEVELS = (2.0, 16.0)
"""Budgets that a protector is trained at, in 8-bit levels."""


@dataclass(frozen=True)
class Protector:
    """One network.

    Attributes:
        name: Folder of the weights.
        victim: The small DynamiCrafter it is trained against.
        noise_levels: Shares of the victim's schedule that clips are noised to in training.
        train: How it is trained; `batch` is photos a step.
        most_bytes: What the file of its weights, in eight bits, stays below.
        network: Arguments of `UNet2DModel`.
    """

    name: str
    victim: str
    noise_levels: tuple[float, float]
    train: Training
    most_bytes: int
    network: dict[str, Any] = field(default_factory=dict)


PROTECTORS: dict[str, Protector] = {
    protector.name: protector
    for protector in (
        Protector(
            name="protector-small",
            victim="dynamicrafter-small",
            noise_levels=(0.8, 1.0),  # what serves AdvDM best on this victim (docs/results/tuning.md)
            network={
                "sample_size": 64,
                "block_out_channels": (32, 64, 96),
                "layers_per_block": 1,
                "down_block_types": ("DownBlock2D",) * 3,
                "up_block_types": ("UpBlock2D",) * 3,
                "attention_head_dim": 32,
                "norm_num_groups": 16,
            },
            train=Training(steps=5_542, batch=32, learning_rate=1e-3, seed=91, ema=0.998),
            most_bytes=1_900_000,
        ),
    )
}


class OnePass(nn.Module):
    """A photo to a photo within the budget, which takes the place that the time has in the U-Net of diffusers."""

    def __init__(self, network: dict[str, Any]) -> None:
        """`network` are arguments of `UNet2DModel`."""
        super().__init__()
        self.unet = UNet2DModel(in_channels=3, out_channels=3, **network)
        self.fold = 2 ** (len(network["block_out_channels"]) - 1)

    def forward(self, photos: Tensor, levels: Tensor) -> Tensor:
        """Perturb within a budget, which the hyperbolic tangent keeps.

        Args:
            photos: (B, 3, H, W) in [0, 1], of any size: sides are filled up by repeating the last pixels.
            levels: (B,) budgets in 8-bit levels.

        Returns:
            (B, 3, H, W) in [0, 1].
        """
        height, width = photos.shape[-2:]
        filled = F.pad(photos, (0, -width % self.fold, 0, -height % self.fold), mode="replicate")
        found: Tensor = self.unet(2 * filled - 1, levels, return_dict=False)[0]
        shift = torch.tanh(found[..., :height, :width].float()) * (levels / 255).view(-1, 1, 1, 1)
        return (photos + shift).clamp(0, 1)


def load_protector(name: str, folder: Path | None = None) -> OnePass:
    """A trained network on the CPU, frozen and in float32.

    Args:
        name: One of `PROTECTORS`.
        folder: Of its weights; None for those that are shipped.

    Raises:
        UserError: see `network_folder`.
    """
    folder = network_folder(name, PROTECTORS, "small protector") if folder is None else folder
    return read_network(OnePass(PROTECTORS[name].network), folder)
