"""Mask strategies: which frames of a clip are given, from which reference, and how far they may be changed.

A strategy is written as groups of up to six numbers, `loop,reference,start in it,start in the clip,length,edit ratio`,
with semicolons between. Numbers left out at the end are 0, 0, 0, 0, 1, 0; starts below zero count from the end. All
starts and lengths are in latent frames. `0` gives the first latent frame of the first reference: image to video.

Source: the configuration guide of Open-Sora 1.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

ALIGN = 5
"""Latent frames of a chunk of the autoencoder; starts are moved to multiples of it."""
_DEFAULTS = ("0", "0", "0", "0", "1", "0")


class Group(NamedTuple):
    """One run of frames that is given.

    Attributes:
        loop: Of a clip made in several rounds, the round it is for; the first is 0.
        reference: Which reference.
        reference_start: Its first frame.
        target_start: Where that is in the clip.
        length: How many frames.
        edit_ratio: 0 keeps them as they are, 1 generates them anew, between is the noise level they are edited from.
    """

    loop: int
    reference: int
    reference_start: int
    target_start: int
    length: int
    edit_ratio: float


def parse(strategy: str) -> list[Group]:
    """The groups of a strategy; none of an empty one.

    Raises:
        ValueError: for a group that is not one to six numbers, or an edit ratio outside [0, 1].
    """
    return [_group(text) for text in strategy.split(";")] if strategy else []


def apply(
    groups: Sequence[Group], noise: Tensor, references: Sequence[Tensor], *, loop: int = 0, align: int | None = ALIGN
) -> tuple[Tensor, Tensor]:
    """Write references over noise.

    Args:
        groups: What goes where. Those of another round are left out.
        noise: (C, T, h, w), where a clip's sampling starts.
        references: (C, T', h, w) each, clean latents.
        loop: The round.
        align: Move starts to multiples of so many latent frames: down, or up if that is nearer and leads to a whole
            chunk. None: leave them.

    Returns:
        The start with the references in it, and its mask (T,): 1 for noise, else the group's edit ratio.

    Raises:
        ValueError: for a reference or a start that there is not.
    """
    start, mask = noise.clone(), noise.new_ones(noise.shape[1])
    for group in groups:
        if group.loop != loop:
            continue
        if not 0 <= group.reference < len(references):
            raise ValueError(f"mask strategy asks for reference {group.reference}; there are {len(references)}")
        reference = references[group.reference]
        source = _placed(group.reference_start, reference.shape[1], align)
        target = _placed(group.target_start, start.shape[1], align)
        length = min(group.length, reference.shape[1] - source, start.shape[1] - target)
        start[:, target : target + length] = reference[:, source : source + length].to(start)
        mask[target : target + length] = group.edit_ratio
    return start, mask


def apply_to_all(
    strategies: Sequence[str], noise: Tensor, references: Sequence[Sequence[Tensor]], *, align: int | None = ALIGN
) -> tuple[Tensor, Tensor]:
    """`apply` for every clip of a batch (B, C, T, h, w): starts of that shape, and masks (B, T)."""
    clips = [
        apply(parse(strategy), clip, own, align=align)
        for strategy, clip, own in zip(strategies, noise, references, strict=True)
    ]
    return torch.stack([start for start, _ in clips]), torch.stack([mask for _, mask in clips])


def _group(text: str) -> Group:
    given = [part.strip() for part in text.split(",")]
    if len(given) > len(_DEFAULTS):
        raise ValueError(f"mask strategy group {text!r} has {len(given)} numbers; at most {len(_DEFAULTS)} are known")
    loop, reference, source, target, length, ratio = (*given, *_DEFAULTS[len(given) :])
    try:
        group = Group(int(loop), int(reference), int(source), int(target), int(length), float(ratio))
    except ValueError as error:
        raise ValueError(f"mask strategy group {text!r} is not numbers with commas between") from error
    if not 0 <= group.edit_ratio <= 1:
        raise ValueError(f"mask strategy group {text!r}: edit ratio {group.edit_ratio} is not in [0, 1]")
    if group.length < 1:
        raise ValueError(f"mask strategy group {text!r}: length {group.length} is less than a frame")
    return group


def _placed(start: int, frames: int, align: int | None) -> int:
    """A start counted from the beginning of so many frames, at a multiple of `align`."""
    if not -frames <= start < frames:
        raise ValueError(f"mask strategy starts at frame {start} of {frames}")
    start = start + frames if start < 0 else start
    if align is None:
        return start
    chunk, rest = divmod(start, align)
    up = rest > align / 2 and chunk + 1 < frames // align
    return (chunk + up) * align
