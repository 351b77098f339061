"""Convolutional blocks of the U-Net."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from antibench.models.dynamicrafter.transformers import GROUPS, silenced


class TemporalConv(nn.Module):
    """Four convolutions over three neighbouring frames, zeros beyond the ends; added to the input.

    The normalisations run over time and space together.
    """

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(nn.GroupNorm(GROUPS, channels), nn.SiLU(), FrameConv(channels))
        self.conv2 = _dropped(channels, dropout)
        self.conv3 = _dropped(channels, dropout)
        self.conv4 = _dropped(channels, dropout)
        silenced(self.conv4[-1])

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, T, h, w) to the same shape."""
        added: Tensor = x + self.conv4(self.conv3(self.conv2(self.conv1(x))))
        return added


class ResidualBlock(nn.Module):
    """Two convolutions within each frame, the embedding added between them; then convolutions over frames."""

    def __init__(
        self, in_channels: int, out_channels: int, embedding_width: int, dropout: float, *, temporal: bool
    ) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(
            nn.GroupNorm(GROUPS, in_channels), nn.SiLU(), nn.Conv2d(in_channels, out_channels, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding_width, out_channels))
        self.out_layers = nn.Sequential(
            nn.GroupNorm(GROUPS, out_channels),
            nn.SiLU(),
            nn.Dropout(dropout),
            silenced(nn.Conv2d(out_channels, out_channels, 3, padding=1)),
        )
        same = in_channels == out_channels
        self.skip_connection = nn.Identity() if same else nn.Conv2d(in_channels, out_channels, 1)
        # The name is spelled so in the checkpoints.
        self.temopral_conv = TemporalConv(out_channels, dropout) if temporal else None

    def forward(self, x: Tensor, embedding: Tensor, frames: int) -> Tensor:
        """(B·T, in_channels, h, w), with one embedding a frame (B·T, embedding_width), to (B·T, out_channels, h, w)."""
        hidden = self.in_layers(x) + self.emb_layers(embedding)[:, :, None, None]
        out: Tensor = self.skip_connection(x) + self.out_layers(hidden)
        return out if self.temopral_conv is None else by_frames(self.temopral_conv(by_clips(out, frames)))


class Down(nn.Module):
    """Half the size by a convolution of stride 2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, h, w) to (N, channels, ceil(h/2), ceil(w/2))."""
        halved: Tensor = self.op(x)
        return halved


class Up(nn.Module):
    """Twice the size: every pixel repeated, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, h, w) to (N, channels, 2h, 2w)."""
        doubled: Tensor = self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return doubled


def by_clips(x: Tensor, frames: int) -> Tensor:
    """(B·T, C, h, w) to (B, C, T, h, w)."""
    return x.reshape(-1, frames, *x.shape[1:]).transpose(1, 2)


def by_frames(x: Tensor) -> Tensor:
    """(B, C, T, h, w) to (B·T, C, h, w)."""
    return x.transpose(1, 2).flatten(0, 1)


class FrameConv(nn.Conv3d):
    """A convolution over three neighbouring frames at every pixel; parameters as in the checkpoints.

    It runs as a convolution in two dimensions, frames and pixels, which takes a CPU 0.6 of the time.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, (3, 1, 1), padding=(1, 0, 0))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, T, h, w) to the same shape."""
        rows = F.conv2d(x.flatten(3), self.weight[..., 0], self.bias, padding=(1, 0))
        return rows.reshape(x.shape)


def _dropped(channels: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.GroupNorm(GROUPS, channels), nn.SiLU(), nn.Dropout(dropout), FrameConv(channels))
