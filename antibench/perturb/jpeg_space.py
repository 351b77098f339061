"""The coordinates of a JPEG file: DCT coefficients of 8 x 8 blocks of Y, Cb and Cr, counted in quantisation steps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import pad

from antibench.perturb.dct import dct2, idct2
from antibench.purifications._jpeg_twin import TO_YCBCR, quantisation


@dataclass(frozen=True)
class JpegCoefficients:
    """A perturbation space (`Space`). A whole coordinate is one that a file of this quality can hold.

    Coordinates are (1, 3, rows, columns, 8, 8), no channel subsampled (4:4:4). The bound does not depend on the RGB
    budget: a change of less than half a step would be rounded away by the codec.

    Attributes:
        size: (height, width) of the image; blocks at the lower and right edge are filled up with copies of it.
        quality: Of libjpeg, 1 to 100.
        steps: Bound in quantisation steps.
        luma_only: Leave Cb and Cr alone.
    """

    size: tuple[int, int]
    quality: int = 95
    steps: float = 1.0
    luma_only: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise ValueError(f"JPEG quality must be from 1 to 100, not {self.quality}")
        if self.steps <= 0:
            raise ValueError(f"the bound must be above 0 quantisation steps, not {self.steps}")

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Coefficients over their quantisation step, not rounded."""
        height, width = self.size
        padded = pad(image, (0, -width % 8, 0, -height % 8), mode="replicate")
        ycbcr = _mix(padded * 255, torch.tensor(TO_YCBCR)) - _grey(image)
        rows, columns = ycbcr.shape[-2] // 8, ycbcr.shape[-1] // 8
        blocks = ycbcr.reshape(1, 3, rows, 8, columns, 8).transpose(3, 4)
        return dct2(blocks) / self._table(image)

    def inverse(self, coordinates: torch.Tensor) -> torch.Tensor:
        """Back to RGB; not clipped."""
        height, width = self.size
        rows, columns = coordinates.shape[2:4]
        blocks = idct2(coordinates * self._table(coordinates))
        ycbcr = blocks.transpose(3, 4).reshape(1, 3, rows * 8, columns * 8) + _grey(coordinates)
        return _mix(ycbcr, torch.linalg.inv(torch.tensor(TO_YCBCR)))[..., :height, :width] / 255

    def free(self, coordinates: torch.Tensor) -> torch.Tensor:
        """All channels, or Y."""
        chroma = 0.0 if self.luma_only else 1.0
        return torch.tensor([1.0, chroma, chroma], device=coordinates.device).view(1, 3, 1, 1, 1, 1)

    def bound(self, epsilon: float) -> float:
        """In quantisation steps."""
        del epsilon
        return self.steps

    def _table(self, like: torch.Tensor) -> torch.Tensor:
        luma, chroma = (quantisation(self.quality, chroma=chroma) for chroma in (False, True))
        return torch.stack([luma, chroma, chroma]).to(like)[None, :, None, None]


def _mix(image: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    return torch.einsum("kc,bchw->bkhw", matrix.to(image), image)


def _grey(like: torch.Tensor) -> torch.Tensor:
    """What a codec takes from Y before the transform; Cb and Cr are centred already."""
    return torch.tensor([128.0, 0.0, 0.0]).to(like).view(1, 3, 1, 1)
