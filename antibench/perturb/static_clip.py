"""A photo as a clip in which nothing moves."""

from __future__ import annotations

import torch

from antibench.contracts import VideoModel
from antibench.pixels import frames_to_u8


def static_clip(surrogate: VideoModel, photo: torch.Tensor) -> torch.Tensor:
    """Latents of a clip whose every frame is the (1, 3, H, W) photo in [0, 1], as `VideoModel.encode_clip` gives them.

    No gradient. It holds every latent frame of a target, where a photo's own latent holds the first alone.
    """
    return surrogate.encode_clip(frames_to_u8(photo.expand(surrogate.frames, -1, -1, -1)))
