"""Every registered purification keeps the contract, and each rule of the contract catches who breaks it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from tiny_networks import use_tiny

from antibench.contracts import Card, ImageU8
from antibench.purifications.gridpure import GrIDPure
from antibench.registry import PURIFICATIONS
from antibench.testing.check import Check
from antibench.testing.purification_contract import checks, sample_photo

OWN = [entry.name for entry in PURIFICATIONS.entries() if entry.origin == "antibench"]
FEWER_STEPS: dict[str, dict[str, Any]] = {
    "diffpure": {"steps": 2},
    "img2img": {"steps": 10},
    "impress": {"share": 0.002},
}
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    *((name, FEWER_STEPS.get(name, {})) for name in OWN),
    ("jpeg", {"subsampling": "4:4:4"}),
    ("resize", {"filter": "bilinear"}),
    ("resize", {"filter": "lanczos"}),
    ("resize", {"filter": "box"}),
]


@pytest.mark.parametrize(("name", "params"), SETTINGS)
def test_contract(name: str, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    use_tiny(monkeypatch)
    monkeypatch.setattr(GrIDPure, "grid", (1, 3, 5))  # the contract is that of any number of iterations
    found = list(checks(PURIFICATIONS.load(name), **params))
    assert len(found) == 14
    assert [check for check in found if not check.ok] == []


@dataclass(frozen=True)
class Shift:
    """Keeps the contract: adds some levels, wrapping round nowhere."""

    name: ClassVar[str] = "shift"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(title="Add a few levels")
    grid: ClassVar[tuple[float, ...]] = (2, 8)
    stochastic: ClassVar[bool] = False
    backend: ClassVar[str] = "numpy add"

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        return np.clip(image.astype(np.int16) + int(strength), 0, 255).astype(np.uint8)

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor | None:
        return (image + strength / 255).clamp(0, 1)


class BadName(Shift):
    name = "Shift It"


class BadVersion(Shift):
    version = 0


class NoTitle(Shift):
    card = Card(title=" ")


@dataclass
class NotFrozen:
    name: ClassVar[str] = "not-frozen"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(title="A dataclass that can be written to")


@dataclass(frozen=True)
class NotJson(Shift):
    amount: Any = frozenset({1})


@dataclass(frozen=True)
class Refuses(Shift):
    def __post_init__(self) -> None:
        raise ValueError("no")


class SameGrid(Shift):
    grid = (2, 2)


class WrongWayRound(Shift):
    grid = (8, 2)


class UnknownBackend(Shift):
    backend = "no-such-distribution call"


class Cuts(Shift):
    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        return super().apply(image, strength=strength, rng=rng)[: max(1, image.shape[0] - 1)]


class Floats(Shift):
    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> Any:
        return super().apply(image, strength=strength, rng=rng).astype(np.float32)


class FailsOnOnePixel(Shift):
    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        if image.shape[0] == 1:
            raise IndexError("empty window")
        return super().apply(image, strength=strength, rng=rng)


class NoisyInSecret(Shift):
    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        return super().apply(image, strength=strength + rng.integers(0, 2), rng=rng)


class NotNoisyAtAll(Shift):
    stochastic = True


class Remembers(Shift):
    seen: ClassVar[list[int]] = []

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        self.seen.append(int(image.sum()))
        return super().apply(image, strength=strength + (self.seen[-1] == self.seen[0]) + len(self.seen) % 3, rng=rng)


class WritesInput(Shift):
    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        image += np.uint8(1)
        return super().apply(image, strength=strength, rng=rng)


class HandsBack(Shift):
    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        return image[:]


class UsesPythonsGenerator(Shift):
    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        random.random()
        return super().apply(image, strength=strength, rng=rng)


class UsesTorchsGenerator(Shift):
    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        return image + 0 * torch.rand(1)


class SeedsNumpy(Shift):
    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        np.random.seed(int(strength))
        return super().apply(image, strength=strength, rng=rng)


class TwinWithoutGradient(Shift):
    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        return image * 0 + image.detach()


class TwinOutOfRange(Shift):
    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        return image + strength / 255


class TwinThatDoesNothing(Shift):
    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        return image * 1


def broken(plugin: type[Any]) -> list[str]:
    return [check.name for check in checks(plugin) if not check.ok]


def test_a_good_plugin_passes() -> None:
    assert broken(Shift) == []


@pytest.mark.parametrize(
    ("plugin", "rule"),
    [
        (BadName, "name is kebab-case"),
        (BadVersion, "name is kebab-case"),
        (NoTitle, "card has a title"),
        (NotFrozen, "is a frozen dataclass"),
        (NotJson, "parameters survive JSON"),
        (Refuses, "can be made"),
        (SameGrid, "grid holds different numbers"),
        (WrongWayRound, "each strength of the grid"),
        (UnknownBackend, "backend begins"),
        (Cuts, "8-bit image of the same shape"),
        (Floats, "8-bit image of the same shape"),
        (FailsOnOnePixel, "8-bit image of the same shape"),
        (NoisyInSecret, "same seed, same bytes"),
        (NotNoisyAtAll, "same seed, same bytes"),
        (Remembers, "order, earlier calls"),
        (WritesInput, "input untouched"),
        (HandsBack, "input untouched"),
        (UsesPythonsGenerator, "global generators"),
        (UsesTorchsGenerator, "global generators"),
        (SeedsNumpy, "global generators"),
        (TwinWithoutGradient, "twin stays in range"),
        (TwinOutOfRange, "twin stays in range"),
        (TwinThatDoesNothing, "twin is nearer"),
    ],
)
def test_each_rule_catches_who_breaks_it(plugin: type[Any], rule: str) -> None:
    assert any(name.startswith(rule) for name in broken(plugin))


def test_a_twin_is_optional() -> None:
    class NoTwin(Shift):
        def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> None:
            return None

    assert broken(NoTwin) == []


def test_the_sample_photo_uses_the_range_and_depends_on_its_seed_alone() -> None:
    photo = sample_photo(3, (20, 30))
    assert photo.shape == (20, 30, 3)
    assert (int(photo.min()), int(photo.max())) == (0, 255)
    assert np.array_equal(photo, sample_photo(3, (20, 30)))
    assert not np.array_equal(photo, sample_photo(4, (20, 30)))


def test_a_check_that_raises_is_a_check_not_kept() -> None:
    (check,) = (check for check in checks(FailsOnOnePixel) if check.name.startswith("8-bit"))
    assert check == Check(check.name, False, "raises IndexError: empty window")
