"""The small networks of the learned purifications: what each is, how it is trained, and where its weights lie.

They stand in the small world for what is read from the hub in the real one: an unconditional diffusion model of photos,
a blind denoiser, a super-resolution network and an image VAE that no victim has. They are trained on photos of people
whom neither a victim nor the benchmark has seen (`PEOPLE`), and none of them has seen a protection.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import nn

from antibench.zoo.network_file import network_folder, read_network
from antibench.zoo.purifier_networks import DnCNN, PixelDiffusion, SuperResolution, image_vae
from antibench.zoo.recipes import Training

Task = Literal["diffusion", "denoiser", "super-resolution", "vae"]
SIZE = 64
"""Side of the photos in pixels, as the small models see them."""
PEOPLE, PEOPLE_HELD_OUT = 2_000_000, 3_000_000
"""Offsets into the training people, in batches: the victims' people begin at 0 and at 1,000,000."""


@dataclass(frozen=True)
class Purifier:
    """One network.

    Attributes:
        name: Folder of the weights.
        task: What it does.
        network: Arguments of its class.
        train: How it is trained; `batch` is photos a step.
        most_bytes: What the file of its weights, in eight bits, stays below.
    """

    name: str
    task: Task
    train: Training
    most_bytes: int
    network: dict[str, Any] = field(default_factory=dict)


PURIFIERS: dict[str, Purifier] = {
    purifier.name: purifier
    for purifier in (
        Purifier(
            name="purifier-diffusion-small",
            task="diffusion",
            # Four pixels are one place of 12 channels: a quarter of the time at little loss (Hoogeboom et al. 2023).
            network={
                "fold": 2,
                "unet": {
                    "sample_size": SIZE // 2,
                    "block_out_channels": (64, 96, 128),
                    "layers_per_block": 1,
                    "down_block_types": ("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
                    "up_block_types": ("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
                    "attention_head_dim": 32,
                    "norm_num_groups": 16,
                },
                # Ho et al. 2020, and ADM: what DiffPure's and GrIDPure's numbers of steps count in.
                "scheduler": {
                    "num_train_timesteps": 1000,
                    "beta_schedule": "linear",
                    "beta_start": 1e-4,
                    "beta_end": 0.02,
                    "prediction_type": "epsilon",
                },
            },
            train=Training(steps=3_395, batch=128, learning_rate=1e-3, seed=81),
            most_bytes=4_000_000,
        ),
        Purifier(
            name="purifier-denoiser-small",
            task="denoiser",
            network={"depth": 15, "width": 64},
            train=Training(steps=2_384, batch=64, learning_rate=6e-4, seed=82, ema=0.999),
            most_bytes=600_000,
        ),
        Purifier(
            name="purifier-sr-small",
            task="super-resolution",
            network={"blocks": 6, "width": 64},
            train=Training(steps=31_597, batch=64, learning_rate=8e-4, seed=83, ema=0.999),
            most_bytes=600_000,
        ),
        Purifier(
            name="purifier-vae-small",
            task="vae",
            network={
                "block_out_channels": (32, 64, 80),
                "down_block_types": ("DownEncoderBlock2D",) * 3,
                "up_block_types": ("UpDecoderBlock2D",) * 3,
                "layers_per_block": 1,
                "latent_channels": 4,
                "norm_num_groups": 16,
                "sample_size": SIZE,
                "scaling_factor": 1.0,
            },
            train=Training(steps=4_191, batch=64, learning_rate=1e-3, seed=84, ema=0.998, kl=1e-6),
            most_bytes=1_500_000,
        ),
    )
}


def build_purifier(purifier: Purifier) -> nn.Module:
    """The network with fresh weights."""
    if purifier.task == "diffusion":
        return PixelDiffusion(**purifier.network)
    if purifier.task == "denoiser":
        return DnCNN(**purifier.network)
    if purifier.task == "super-resolution":
        return SuperResolution(**purifier.network)
    return image_vae(purifier.network)


def load_purifier(name: str, folder: Path | None = None) -> nn.Module:
    """A trained network on the CPU, frozen and in float32.

    Args:
        name: One of `PURIFIERS`.
        folder: Of its weights; None for those that are shipped.

    Raises:
        UserError: see `network_folder`.
    """
    folder = network_folder(name, PURIFIERS, "small purifier") if folder is None else folder
    return read_network(build_purifier(PURIFIERS[name]), folder)
