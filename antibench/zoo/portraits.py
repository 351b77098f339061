"""The portraits of the embedded world by index, each from its own seed.

`portrait_clip` makes one clip on the CPU, byte for byte the same whatever else is drawn; `ClipFactory` makes many on
any device for training. Splits never share a seed, so test identities are held out from training.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from antibench.contracts import FramesU8
from antibench.pixels import frames_to_u8
from antibench.zoo.identity import Values, sample_identity, sample_scene
from antibench.zoo.motion import caption, sample_actions, sample_motion
from antibench.zoo.render import render

Split = Literal["train", "tune", "test"]
SPLITS: tuple[Split, ...] = ("train", "tune", "test")


def seed_of(split: Split, index: int) -> int:
    """The seed of a portrait, or of a batch of training clips."""
    return int.from_bytes(hashlib.sha256(f"portrait/{split}/{index}".encode()).digest()[:7], "big")


def portrait_clip(
    split: Split, index: int, size: int, frames: int, actions: tuple[int, int, int] | None = None
) -> tuple[FramesU8, str]:
    """One person's clip and its caption.

    Args:
        split: "test" is what suites score, "tune" is for tuning protections, "train" for the models.
        index: Any non-negative number.
        size: Height and width in pixels.
        frames: Frames in the clip; the motion takes the whole clip.
        actions: Indices into the phrases of `motion`; None for the portrait's own.

    Returns:
        (frames, size, size, 3) uint8 and the caption.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, not {split!r}")
    generator = torch.Generator().manual_seed(seed_of(split, index))
    identity, scene = sample_identity(1, generator), sample_scene(1, generator)
    own = sample_actions(1, generator)
    chosen = own if actions is None else torch.tensor([actions])
    motion = sample_motion(chosen, frames, generator)
    clip = render(identity, scene, motion, size, generator)[0]
    head, mouth, eyes = chosen[0].tolist()
    return frames_to_u8(clip), caption(head, mouth, eyes)


class ClipFactory:
    """Batches of training clips: `per_identity` clips of each person, other scene and motion in each."""

    def __init__(self, size: int, frames: int, device: torch.device, *, offset: int = 0) -> None:
        self.size = size
        self.frames = frames
        self.device = device
        self.offset = offset
        """First batch index; another offset draws other people."""

    def batch(self, index: int, people: int, per_identity: int) -> tuple[Tensor, Tensor]:
        """Clips (people * per_identity, T, 3, H, W) uint8 on the device and actions (.., 3)."""
        generator = torch.Generator().manual_seed(seed_of("train", self.offset + index))
        noise = torch.Generator(self.device).manual_seed(seed_of("train", self.offset + index))
        identity = self._move(sample_identity(people, generator))
        clips, actions = [], []
        for _ in range(per_identity):
            scene = self._move(sample_scene(people, generator))
            action = sample_actions(people, generator)
            motion = self._move(sample_motion(action, self.frames, generator))
            picture = render(identity, scene, motion, self.size, noise)
            clips.append((picture * 255).round().to(torch.uint8))
            actions.append(action)
        return torch.cat(clips), torch.cat(actions)

    def batches(self, count: int, people: int, per_identity: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The first `count` batches."""
        for index in range(count):
            yield self.batch(index, people, per_identity)

    def _move(self, values: Values) -> Values:
        return {name: value.to(self.device) for name, value in values.items()}
