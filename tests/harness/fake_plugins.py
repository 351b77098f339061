"""Tiny plugins without networks, loaded with ``--plugin``: the harness is tested on its own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from antibench.contracts import (
    BrokenCase,
    Card,
    Case,
    CellView,
    FramesU8,
    Gives,
    ImageU8,
    ModelCard,
    PerturbContext,
    Place,
    Unscored,
)
from antibench.pixels import digest, fit, to_float
from antibench.registry import DATASETS, METRICS, MODELS, PROTECTIONS, PURIFICATIONS

CARD = Card(title="for tests")


@DATASETS.register
@dataclass(frozen=True)
class FakePhotos:
    name: ClassVar[str] = "fake-photos"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = CARD

    count: int = 2
    broken: tuple[int, ...] = ()
    side: int = 20

    def ids(self) -> list[str]:
        return [f"photo-{index}" for index in range(self.count)]

    def cases(self) -> Iterator[Case | BrokenCase]:
        for index, name in enumerate(self.ids()):
            if index in self.broken:
                yield BrokenCase(name, "made to be broken")
                continue
            photo = np.random.default_rng(index).integers(20, 236, (self.side, self.side, 3), dtype=np.uint8)
            yield Case(name, photo, f"caption {index}", digest(photo))


@dataclass
class ShiftingModel:
    """Rolls the photo by one pixel a frame and adds noise of the seed."""

    name: str = "fake-shift"
    version: int = 1
    card: ModelCard = field(default_factory=lambda: ModelCard(title="for tests", world="small"))
    size: tuple[int, int] = (16, 16)
    frames: int = 3
    fps: float = 8.0
    layers: tuple[str, ...] = ()
    vae_layers: tuple[str, ...] = ()
    gives: frozenset[Gives] = frozenset({"diffusion_loss"})
    noise: int = 2

    def generate(self, image: ImageU8, prompt: str, seed: int) -> FramesU8:
        photo = fit(image, self.size).astype(np.int16)
        rng = np.random.default_rng(seed)
        clip = np.stack([np.roll(photo, step, axis=1) for step in range(self.frames)])
        return np.clip(clip + rng.integers(-self.noise, self.noise + 1, clip.shape), 0, 255).astype(np.uint8)


@MODELS.register
@dataclass(frozen=True)
class FakeShift:
    name: ClassVar[str] = "fake-shift"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = ModelCard(title="for tests", world="small")
    size: ClassVar[tuple[int, int]] = (16, 16)
    frames: ClassVar[int] = 3
    gives: ClassVar[frozenset[Gives]] = frozenset({"diffusion_loss"})

    noise: int = 2

    def load(self, device: str) -> Any:
        return ShiftingModel(noise=self.noise)


@MODELS.register
@dataclass(frozen=True)
class FakeBlind:
    """A target that gives protections nothing, at another size."""

    name: ClassVar[str] = "fake-blind"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = ModelCard(title="for tests", world="small")
    size: ClassVar[tuple[int, int]] = (12, 18)
    frames: ClassVar[int] = 3
    gives: ClassVar[frozenset[Gives]] = frozenset()

    def load(self, device: str) -> Any:
        return ShiftingModel(name="fake-blind", size=self.size, noise=3)


@MODELS.register
@dataclass(frozen=True)
class FakeLocal(FakeShift):
    """Its weights are one number, how much noise it adds; a local file may hold another."""

    name: ClassVar[str] = "fake-local"
    local_files: ClassVar[tuple[str, ...]] = ("model.ckpt",)

    def load(self, device: str, weights: Path | None = None) -> Any:
        if weights is None:
            return ShiftingModel(noise=self.noise)
        file = weights if weights.is_file() else weights / "model.ckpt"
        return ShiftingModel(noise=int(file.read_text()))


@MODELS.register
@dataclass(frozen=True)
class FakeHungry(FakeShift):
    """Finds the GPU full while it loads, or while it animates."""

    where: Literal["load", "generate"] = "load"
    dtype: str = "bfloat16"
    low_memory: bool = False
    recompute: float = 0.5

    name: ClassVar[str] = "fake-hungry"
    card: ClassVar[ModelCard] = ModelCard(title="for tests", world="small", weights_gb=20.0, text_gb=8.0)

    def load(self, device: str) -> Any:
        if self.where == "load":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return HungryModel()


class HungryModel(ShiftingModel):
    def generate(self, image: ImageU8, prompt: str, seed: int) -> FramesU8:
        raise torch.OutOfMemoryError("CUDA out of memory")


@dataclass(frozen=True)
class _Fake:
    version: ClassVar[int] = 1
    card: ClassVar[Card] = CARD
    needs: ClassVar[frozenset[str]] = frozenset({"diffusion_loss", "references"})
    stochastic: ClassVar[bool] = True
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"


@PROTECTIONS.register
@dataclass(frozen=True)
class FakePush(_Fake):
    """Moves the photo away from the reference clip's first frame, with a little noise."""

    name: ClassVar[str] = "fake-push"
    strength: float = 1.0
    sleep_s: float = 0.0
    reach: float = 1.0

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        print("a plugin that prints")
        time.sleep(self.sleep_s)
        assert len(context.references) == 1
        away = torch.sign(image - to_float(context.references[0][0]) + 1e-3 * (context.target_photo - 0.5))
        noise = torch.rand(image.shape, generator=context.generator)
        return image + self.reach * self.strength * context.epsilon * away * noise


@PROTECTIONS.register
@dataclass(frozen=True)
class FakeBroken(_Fake):
    """Goes wrong on photos with an odd mean, in the way it is told."""

    name: ClassVar[str] = "fake-broken"
    needs: ClassVar[frozenset[str]] = frozenset()
    how: str = "nan"
    once: str = ""
    """A file whose presence says that it has gone wrong already."""

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        if self.once and Path(self.once).exists():
            return image
        if self.once:
            Path(self.once).touch()
        if self.how == "raise":
            raise RuntimeError("two\nlines")
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "exit":
            os._exit(7)
        return image * float("nan")


@PURIFICATIONS.register
@dataclass(frozen=True)
class FakeGrain:
    """Adds noise of `strength` levels."""

    name: ClassVar[str] = "fake-grain"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = CARD
    grid: ClassVar[tuple[float, ...]] = (1.0, 3.0)
    stochastic: ClassVar[bool] = True
    backend: ClassVar[str] = "numpy"

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        grain = rng.integers(-int(strength), int(strength) + 1, image.shape)
        return np.clip(image.astype(np.int16) + grain, 0, 255).astype(np.uint8)

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> None:
        return None


@dataclass(frozen=True)
class _Score:
    version: ClassVar[int] = 1
    card: ClassVar[Card] = CARD
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "lower"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "video"
    photo_twin: ClassVar[str | None] = None


def likeness(image: ImageU8, photo: ImageU8) -> float:
    return 1.0 - float(np.abs(image.astype(float) - fit(photo, image.shape[:2]).astype(float)).mean()) / 255


@METRICS.register
@dataclass(frozen=True)
class FakeLikeness(_Score):
    name: ClassVar[str] = "fake-likeness"
    photo_twin: ClassVar[str | None] = "fake-likeness-photo"

    def score(self, view: CellView) -> float | Unscored:
        return likeness(view.frames[0], view.photo)


@METRICS.register
@dataclass(frozen=True)
class FakeLikenessPhoto(_Score):
    name: ClassVar[str] = "fake-likeness-photo"
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "photo"

    def score(self, view: CellView) -> float | Unscored:
        return likeness(view.seen, view.photo)


@METRICS.register
@dataclass(frozen=True)
class FakeFidelity(_Score):
    name: ClassVar[str] = "fake-fidelity"
    protects_when: ClassVar[Literal["lower", "higher", "neither"]] = "neither"
    scope: ClassVar[Literal["video", "photo", "fidelity"]] = "fidelity"

    def score(self, view: CellView) -> float | Unscored:
        return likeness(view.protected, view.photo)


@METRICS.register
@dataclass(frozen=True)
class FakeOdd(_Score):
    """Scores the seeds' parity of the clip's sum: NaN, an exception, out of bounds or unscored, as told."""

    name: ClassVar[str] = "fake-odd"
    how: str = "unscored"

    def score(self, view: CellView) -> float | Unscored:
        if self.how == "raise":
            raise KeyError("nothing here")
        return {"nan": float("nan"), "bounds": 1.5}.get(self.how) or Unscored("no face in any frame")


@PURIFICATIONS.register
@dataclass(frozen=True)
class FakeLearned:
    """Its weights are one number, which it adds; it adds 100 where it is told to compute elsewhere than on the CPU."""

    name: ClassVar[str] = "fake-learned"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = CARD
    grid: ClassVar[tuple[float, ...]] = (1,)
    stochastic: ClassVar[bool] = False
    backend: ClassVar[str] = "numpy add"
    local_files: ClassVar[tuple[str, ...]] = ("model.ckpt",)

    def apply(
        self, image: ImageU8, *, strength: float, rng: np.random.Generator, place: Place | None = None
    ) -> ImageU8:
        place = place or Place()
        add = 1 if place.weights is None else int((place.weights / "model.ckpt").read_text())
        return image // 2 + np.uint8(add + 100 * (place.device != "cpu"))

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> None:
        return None
