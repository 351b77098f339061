"""The clips a training draws from, rendered once onto the device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from antibench.zoo.motion import caption, token_ids
from antibench.zoo.portraits import ClipFactory
from antibench.zoo.recipes import Recipe

PEOPLE_A_BATCH, CLIPS_A_PERSON = 64, 2
MOTION_PER_LEVEL = 25.0
"""Motion bucket per 8-bit level of mean change from frame to frame; the bucket ends at 255."""

BUCKETS_A_SPEED = 8.0
"""Motion buckets that share one speed."""


@dataclass(frozen=True)
class Pool:
    """Clips on the device: frames (N, T, 3, H, W) uint8 and actions (N, 3)."""

    frames: Tensor
    actions: Tensor

    def __len__(self) -> int:
        return len(self.frames)

    def pixels(self, index: Tensor) -> Tensor:
        """The clips of `index` as (B, T, 3, H, W) in [-1, 1]."""
        return self.frames[index].float() / 127.5 - 1


def render_pool(recipe: Recipe, clips: int, device: torch.device, offset: int = 0) -> Pool:
    """Render about `clips` training clips; `offset` in batches draws other people."""
    return _rendered(ClipFactory(recipe.size, recipe.frames, device, offset=offset), clips)


def render_photos(size: int, photos: int, device: torch.device, offset: int = 0) -> Pool:
    """Render about so many photos, clips of one frame, of `size` pixels a side; `offset` as for `render_pool`."""
    return _rendered(ClipFactory(size, 1, device, offset=offset), photos)


def _rendered(factory: ClipFactory, clips: int) -> Pool:
    count = max(1, clips // (PEOPLE_A_BATCH * CLIPS_A_PERSON))
    frames, actions = zip(*factory.batches(count, PEOPLE_A_BATCH, CLIPS_A_PERSON), strict=True)
    return Pool(torch.cat(frames), torch.cat(actions).to(factory.device))


def caption_ids(actions: Tensor) -> Tensor:
    """Word indices (N, 12) of the captions of actions (N, 3)."""
    ids = [token_ids(caption(*action)) for action in actions.tolist()]
    return torch.tensor(ids, device=actions.device)


def motion_bucket(frames: Tensor) -> Tensor:
    """How much moves in uint8 clips (N, T, 3, H, W): 0 to 255, as the motion bucket of SVD."""
    change = (frames[:, 1:].float() - frames[:, :-1].float()).abs().mean((1, 2, 3, 4))
    return (change * MOTION_PER_LEVEL).clamp(0, 255)


def clip_speed(frames: Tensor) -> Tensor:
    """The motion bucket in 33 steps, 0 to 32: what a small DynamiCrafter is told as `fs`; more is more motion.

    Coarse on purpose: neighbouring values then mean what can be told apart in a clip.
    """
    return (motion_bucket(frames) / BUCKETS_A_SPEED).round().long()
