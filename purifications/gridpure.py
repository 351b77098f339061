"""GrIDPure: many small DiffPures, on overlapping tiles."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import torch
from torch import Tensor

from antibench.contracts import Card, Place

from ._cards import AT_64, EMBEDDED, GRIDPURE
from ._diffusion import ancestral, diffusion_of, renewed
from ._learned import Learned, whole
from ._networks import check_network


@dataclass(frozen=True)
class GrIDPure(Learned):
    """Strength is the number of iterations, a whole number.

    Attributes:
        network: "purifier-diffusion-small", or a `UNet2DModel` on the hub such as google/ddpm-celebahq-256.
        revision: Its commit on the hub.
        levels: Levels of the schedule to which each iteration noises.
        steps: Reverse steps at most that take them back.
        gamma: Share of an iteration's input that is kept in its result.
    """

    network: str = "purifier-diffusion-small"
    revision: str = ""
    levels: int = 10
    steps: int = 1
    gamma: float = 0.1
    name: ClassVar[str] = "gridpure"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="GrIDPure: many small noisings and denoisings, on overlapping tiles",
        source="Zhao et al. 2024, tiles and blending as its code has them",
        year=2024,
        arxiv="2312.00084",
        citation=GRIDPURE,
        licence="MIT; google/ddpm-celebahq-256: Apache-2.0",
        reference="github.com/ZhengyueZhao/GrIDPure, 248f71c4a6277e598704ac425cc7442e5341257a",
        native_space="RGB in [-1, 1], tiles of 256 px at a stride of 128 px, 10 of 1000 levels, 20 iterations",
        deviations=(
            "The ten levels are taken back in one step (`steps`), the posterior mean, in place of ten.",
            "Between iterations the photo stays in floats; the reference cuts it to 8 bits.",
            "Tiles have the side that the model was trained at. A photo of no more, as all of the small world, is the "
            "only tile: the four corners would be the photo once more and are left out.",
            AT_64,
        ),
        notes=f"{EMBEDDED} A photo of 64 px takes 0.3, 0.6 and 1 s of one core.",
    )
    grid: ClassVar[tuple[float, ...]] = (10, 20, 40)
    stochastic: ClassVar[bool] = True
    backend: ClassVar[str] = "diffusers DDPMScheduler"
    local_files: ClassVar[tuple[str, ...]] = ("config.json", "scheduler_config.json")

    def __post_init__(self) -> None:
        check_network(self, "diffusion")
        if self.levels < 1 or self.steps < 1:
            raise ValueError(f"levels and steps must be at least 1, got {self.levels} and {self.steps}")
        if not 0 <= self.gamma < 1:
            raise ValueError(f"gamma must be from 0 to below 1, got {self.gamma}")

    def purified(self, photo: Tensor, strength: float, generator: torch.Generator, place: Place) -> Tensor:
        """Renew (1, 3, H, W) in [0, 1] tile by tile, so many times."""
        model = diffusion_of(self, place)
        sampler = ancestral(model, self.levels, self.steps)
        places = tiles(photo.shape[-2], photo.shape[-1], model.side)
        for _ in range(whole(strength, "gridpure")):
            # One batch: all tiles, the one of the corners too, have one size.
            cut = torch.cat([photo[:, :, rows[:, None], columns] for rows, columns in places])
            total, times = torch.zeros_like(photo), torch.zeros_like(photo)
            for (rows, columns), tile in zip(places, renewed(model, cut, sampler, generator), strict=True):
                total[:, :, rows[:, None], columns] += tile
                times[:, :, rows[:, None], columns] += 1
            photo = (1 - self.gamma) * total / times + self.gamma * photo
        return photo

    def twin(self, image: Tensor, *, strength: float, generator: torch.Generator) -> None:
        """None: a gradient through tens of noisings would cost as many passes and be mostly noise."""
        return None


def tiles(height: int, width: int, side: int) -> list[tuple[Tensor, Tensor]]:
    """Rows and columns of each tile: squares of `side` at half that stride, then what the four corners make."""
    found = list(product(_spans(height, side), _spans(width, side)))
    return found if len(found) == 1 else [*found, (_ends(height, side), _ends(width, side))]


def _spans(length: int, side: int) -> list[Tensor]:
    starts = sorted({*range(0, max(1, length - side), side // 2), max(0, length - side)})
    return [torch.arange(start, min(start + side, length)) for start in starts]


def _ends(length: int, side: int) -> Tensor:
    if length <= side:
        return torch.arange(length)
    return torch.cat((torch.arange(side // 2), torch.arange(length - side // 2, length)))
