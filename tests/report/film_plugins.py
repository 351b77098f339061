"""Plugins of the page's tests: photos of a disc, protections that tilt, clips that count frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from film_frames import HOSTILE, CountingModel, disc

from antibench.contracts import Card, Case, CellView, Gives, ModelCard, PerturbContext, Unscored
from antibench.pixels import digest
from antibench.registry import DATASETS, METRICS, MODELS, PROTECTIONS


@DATASETS.register
@dataclass(frozen=True)
class FilmPhotos:
    name: ClassVar[str] = "film-photos"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(title="for tests")

    count: int = 3
    hostile: bool = False

    def ids(self) -> list[str]:
        return [f"disc-{index}{HOSTILE if self.hostile else ''}" for index in range(self.count)]

    def cases(self) -> Iterator[Case]:
        for index, name in enumerate(self.ids()):
            photo = disc(index)
            yield Case(name, photo, HOSTILE if self.hostile else f"a disc of colour {index}", digest(photo))


@MODELS.register
@dataclass(frozen=True)
class FilmSeven:
    name: ClassVar[str] = "film-seven"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = ModelCard(title="for tests", world="small")
    size: ClassVar[tuple[int, int]] = (32, 32)
    frames: ClassVar[int] = 7
    gives: ClassVar[frozenset[Gives]] = frozenset({"diffusion_loss"})

    def load(self, device: str) -> Any:
        return CountingModel(self.name, self.size, self.frames, 6.0)


@MODELS.register
@dataclass(frozen=True)
class FilmFive(FilmSeven):
    """Of odd sides, another length and another rate."""

    name: ClassVar[str] = "film-five"
    size: ClassVar[tuple[int, int]] = (21, 33)
    frames: ClassVar[int] = 5

    def load(self, device: str) -> Any:
        return CountingModel(self.name, self.size, self.frames, 10.0)


@dataclass(frozen=True)
class _Pattern:
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(title="for tests")
    needs: ClassVar[frozenset[str]] = frozenset({"diffusion_loss"})
    stochastic: ClassVar[bool] = False
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"


@PROTECTIONS.register
@dataclass(frozen=True)
class FilmTilt(_Pattern):
    """The whole budget up in the right half, down in the left."""

    name: ClassVar[str] = "film-tilt"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        tilt = torch.full_like(image, context.epsilon)
        tilt[..., : image.shape[-1] // 2] *= -1
        return image + tilt


@PROTECTIONS.register
@dataclass(frozen=True)
class FilmRows(_Pattern):
    """The whole budget up and down by turns, row by row."""

    name: ClassVar[str] = "film-rows"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        sign = 1 - 2 * (torch.arange(image.shape[-2]) % 2)
        return image + context.epsilon * sign[:, None]


@PROTECTIONS.register
@dataclass(frozen=True)
class FilmFails(_Pattern):
    name: ClassVar[str] = "film-fails"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        raise RuntimeError("made to fail")


@METRICS.register
@dataclass(frozen=True)
class FilmLikeness:
    name: ClassVar[str] = "film-likeness"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(title="for tests")
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        away = np.abs(view.frames.mean(axis=0) - view.clean_frames.mean(axis=0)).mean()
        return 1.0 - float(away) / 255
