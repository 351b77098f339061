"""A clip in which a photo stands still, as a reference of a surrogate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from antibench.contracts import PerturbContext
from antibench.pixels import to_u8


def on_still(context: PerturbContext, photo: torch.Tensor) -> PerturbContext:
    """The context whose only reference is a clip of copies of a (1, 3, H, W) photo in [0, 1]."""
    return replace(context, references=(np.stack([to_u8(photo)] * context.surrogate.frames),))
