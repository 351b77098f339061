"""What the denoiser's inputs are before the blocks see them: patches, their places, numbers and text."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SINUSOID = 256
"""Width of the sinusoid of a number."""
BASE = 10000.0
ROUNDED_UP = (12, 106)
"""Frequencies of numbers that are one unit in the last place above the nearest float32.

Libraries round the exponential of float32 differently, and differently by processor; at timestep 1000 a unit turns the
angle by 6e-5. These are the two where the implementation that the reference data come from is not at the nearest.
"""


class PatchEmbedding(nn.Module):
    """One token for each patch of a latent frame."""

    def __init__(self, patch: tuple[int, int, int], channels: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv3d(channels, width, kernel_size=patch, stride=patch)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W), rows and columns multiples of the patch, to (B, T·H'·W', width): frame by frame, row by
        row."""
        tokens: Tensor = self.proj(x)
        return tokens.flatten(2).transpose(1, 2)


class PositionTable(nn.Module):
    """Sines and cosines of column and row. Nothing in it is trained or saved."""

    def __init__(self, width: int) -> None:
        """`width`: of a token; a multiple of 4."""
        super().__init__()
        self.code_width = width // 2

    def forward(self, rows: int, columns: int, scale: float, dtype: torch.dtype, device: torch.device) -> Tensor:
        """Codes of all places of a frame, the same for a picture of any number of patches at one `scale`.

        Args:
            rows: Patches from top to bottom.
            columns: Patches from left to right.
            scale: Root of the picture's area in pixels, by the side at which a step is one patch.
            dtype: Of the result; it is computed in float32.
            device: Of the result.

        Returns:
            (1, rows·columns, width), row by row: the column's code, then the row's.
        """
        base = round((rows * columns) ** 0.5)
        row = self._code(torch.arange(rows, device=device) / scale * (base / rows))
        column = self._code(torch.arange(columns, device=device) / scale * (base / columns))
        table = torch.cat([column[None].expand(rows, -1, -1), row[:, None].expand(-1, columns, -1)], dim=-1)
        return table.flatten(0, 1)[None].to(dtype)

    def _code(self, places: Tensor) -> Tensor:
        """(N,) coordinates to (N, width/2): sines, then cosines."""
        steps = torch.arange(0, self.code_width, 2, device=places.device).float()
        angles = places[:, None] * (1 / BASE ** (steps / self.code_width))
        return torch.cat([angles.sin(), angles.cos()], dim=-1)


class NumberEmbedding(nn.Module):
    """A number, such as a timestep, as a vector: its sinusoid through a network of two layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(SINUSOID, width), nn.SiLU(), nn.Linear(width, width))
        # No buffer: the type of the weights must not round them, and a network built without weights has them too.
        self._frequencies = _frequencies()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> NumberEmbedding:
        """The frequencies go where the weights go: a CUDA graph cannot fetch them from the CPU at every pass."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        device = next(self.mlp.parameters()).device
        if device.type != "meta":
            self._frequencies = self._frequencies.to(device)
        return self

    def forward(self, numbers: Tensor, dtype: torch.dtype) -> Tensor:
        """(B,) to (B, width). The sinusoid, cosines before sines, is computed in float32 at any precision."""
        angles = numbers[:, None].float() * self._frequencies.to(numbers.device)
        vector: Tensor = self.mlp(torch.cat([angles.cos(), angles.sin()], dim=-1).to(dtype))
        return vector


def _frequencies() -> Tensor:
    """(SINUSOID/2,) float32: 10000^(-2i/SINUSOID), the same bits on every machine."""
    steps = torch.arange(SINUSOID // 2, dtype=torch.float32, device="cpu")
    frequencies = (-math.log(BASE) * steps / len(steps)).double().exp().float()
    for i in ROUNDED_UP:
        frequencies[i] = torch.nextafter(frequencies[i], torch.ones((), device="cpu"))
    return frequencies


class FeedForward(nn.Module):
    """Two layers around a tanh-approximated GELU."""

    def __init__(self, width_in: int, hidden: int, width_out: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width_in, hidden)
        self.fc2 = nn.Linear(hidden, width_out)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width_in) to (..., width_out)."""
        out: Tensor = self.fc2(F.gelu(self.fc1(x), approximate="tanh"))
        return out


class CaptionEmbedding(nn.Module):
    """Tokens of the text encoder at the denoiser's width, and the null text of guidance."""

    y_embedding: Tensor
    """(L, caption channels): what the unconditional branch reads, instead of an encoded empty caption."""

    def __init__(self, channels: int, width: int, tokens: int) -> None:
        super().__init__()
        self.y_proj = FeedForward(channels, width, width)
        self.register_buffer("y_embedding", torch.randn(tokens, channels) / channels**0.5)

    def forward(self, text: Tensor) -> Tensor:
        """(B, 1, L, caption channels) to (B, 1, L, width)."""
        embedded: Tensor = self.y_proj(text)
        return embedded
