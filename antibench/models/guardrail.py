"""NVIDIA's guardrail of the Cosmos models, loaded when the first clip is asked for.

The licence of the weights ends where their guardrail is bypassed, so no clip is made without it: it reads the caption,
and then the clip, in which it also pixelates faces. A protection generates nothing, so that it needs no guardrail.
"""

from __future__ import annotations

import importlib
from typing import Any, cast

import numpy as np
import torch

from antibench.errors import UserError
from antibench.models.origin import short
from antibench.models.pretrained import BROKEN

PACKAGE = "cosmos_guardrail"


class Guardrail:
    """The safety checker that a pipeline of Cosmos asks for."""

    def __init__(self) -> None:
        self._checker: Any = None

    def to(self, device: torch.device | str) -> Guardrail:
        """Load it, if it is not yet, and move it.

        Raises:
            UserError: if its package is not installed, or its weights are out of reach.
        """
        if self._checker is None:
            self._checker = _load()
        self._checker.to(device)
        return self

    def check_text_safety(self, prompt: str) -> bool:
        """True.

        Raises:
            UserError: if it refuses the caption.
        """
        if not self._checker.check_text_safety(prompt):
            raise UserError(f"NVIDIA's guardrail refuses the caption {prompt!r}, and without it Cosmos makes no clip")
        return True

    def check_video_safety(self, frames: np.ndarray) -> np.ndarray:
        """The clip with its faces pixelated.

        Args:
            frames: (T, H, W, 3) of 8 bits.

        Raises:
            UserError: if it refuses the clip.
        """
        seen = self._checker.check_video_safety(frames)
        if seen is None:
            raise UserError("NVIDIA's guardrail refuses the clip that Cosmos made")
        return cast(np.ndarray, seen)


def _load() -> Any:
    try:
        package = importlib.import_module(PACKAGE)
    except ImportError as error:
        raise UserError(
            f"Cosmos makes no clip without NVIDIA's guardrail: `pip install {PACKAGE}`; "
            "as a surrogate, for protections, it works without"
        ) from error
    try:
        return package.CosmosSafetyChecker()
    except BROKEN as error:
        raise UserError(f"the weights of NVIDIA's guardrail cannot be loaded ({short(error)})") from error
