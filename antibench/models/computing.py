"""How a real model computes: settings that change time and memory and, but for rounding and tiles, no numbers.

Planning reads this file, so it imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Computing:
    """What the specs of the real models share.

    Attributes:
        compiled: Compile the denoiser's blocks: a minute or two at the first step, then faster.
        recompute: Share of the denoiser's blocks, counted from the first, that keep no activations for the gradient but
            run again in it; 1 is smallest, 0 fastest.
        low_memory: Recompute every block and the VAE as well, encode reference clips of CogVideoX in tiles (slightly
            other latents along their borders), and keep a text encoder of billions of weights in the host's memory,
            where it encodes each caption once.
        float8: Let the linear layers of the denoiser's blocks multiply in 8-bit floating point: faster, with
            slightly other gradients and clips. Needs a GPU with units for it (Ada, Hopper or later).
        attention: "torch" leaves the choice of kernel to torch; "cudnn" prefers cuDNN's where it can run.
    """

    compiled: bool = False
    recompute: float = 1.0
    low_memory: bool = False
    float8: bool = False
    attention: Literal["torch", "cudnn"] = "torch"

    def __post_init__(self) -> None:
        """Refuse what no model can follow.

        Raises:
            ValueError: naming the setting.
        """
        if not 0 <= self.recompute <= 1:
            raise ValueError(f"recompute must be a share in [0, 1], not {self.recompute}")
        if self.attention not in ("torch", "cudnn"):
            raise ValueError(f"attention must be torch or cudnn, not {self.attention!r}")

    @property
    def recomputed(self) -> float:
        """Share of the blocks that run again, with what `low_memory` asks for."""
        return 1.0 if self.low_memory else self.recompute
