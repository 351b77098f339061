"""The contract, for every built-in protection; and that the checks notice what they are for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import torch

from antibench.attacks.advdm import AdvDM
from antibench.attacks.anti_i2v import AntiI2V
from antibench.attacks.random_sign import RandomSign
from antibench.builtin import BUILTIN
from antibench.contracts import PerturbContext
from antibench.registry import PROTECTIONS
from antibench.testing.check import Check
from antibench.testing.protection_contract import checks

PUBLISHED = [
    "advdm",
    "mist",
    "mist-paper",
    "mist-vaijsc",
    "anti-i2v",
    "sds",
    "photoguard",
    "photoguard-diffusion",
    "encoder-target",
    "editshield",
    "vgmshield",
    "diffusionguard",
    "dct-shield",
    "diffvax",
]
NAMES = [row[0].partition("@")[0] for row in BUILTIN["protections"]]


@pytest.mark.parametrize("name", NAMES)
def test_every_builtin_keeps_the_contract(name: str) -> None:
    broken = [check for check in checks(PROTECTIONS.load(name)) if not check.ok]
    assert not broken


@pytest.mark.parametrize("row", BUILTIN["protections"], ids=NAMES)
def test_the_row_of_a_builtin_repeats_its_class(row: tuple[str, str, str]) -> None:
    loaded = PROTECTIONS.load(row[0])
    assert (f"{loaded.name}@{loaded.version}", loaded.card.title) == (row[0], row[2])


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_card_of_a_published_method_is_complete(name: str) -> None:
    card = PROTECTIONS.load(name).card
    facts = [card.source, card.year, card.arxiv, card.citation, card.licence, card.reference]
    assert all([*facts, card.native_space, card.native_budget, card.deviations])


def fault(plugin_cls: type[Any], name: str) -> Check:
    return next(check for check in checks(plugin_cls) if name in check.name)


@dataclass(frozen=True)
class Global(RandomSign):
    """Draws from the global generator."""

    name: ClassVar[str] = "global"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        return (image + (torch.rand_like(image) - 0.5) * context.epsilon).clamp(0, 1)


@dataclass(frozen=True)
class Writing(RandomSign):
    """Writes to its input."""

    name: ClassVar[str] = "writing"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        return image.copy_(super().perturb(image, context))


@dataclass(frozen=True, kw_only=True)
class Swallowing(AdvDM):
    """Hides a gradient that is not a number."""

    name: ClassVar[str] = "swallowing"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        try:
            return super().perturb(image, context)
        except ValueError:
            return image


@dataclass(frozen=True, kw_only=True)
class Training(AdvDM):
    """Turns on the gradients of the surrogate."""

    name: ClassVar[str] = "training"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        context.surrogate.pipe.unet.requires_grad_()  # type: ignore[attr-defined]
        return super().perturb(image, context)


@dataclass(frozen=True)
class Wide(RandomSign):
    """Returns another shape."""

    name: ClassVar[str] = "wide"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        return torch.cat([image, image], dim=-1)


@dataclass(frozen=True)
class Steady(RandomSign):
    """Says that it is not stochastic."""

    name: ClassVar[str] = "steady"
    stochastic: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class Lazy(AntiI2V):
    """Changes nothing, and says nothing of its budget."""

    name: ClassVar[str] = "lazy"
    card = replace(AntiI2V.card, native_budget="")

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        return image


@pytest.mark.parametrize(
    ("plugin_cls", "name"),
    [
        (Global, "global generators"),
        (Global, "same seed"),
        (Writing, "input untouched"),
        (Swallowing, "not a number"),
        (Training, "weights"),
        (Wide, "same shape"),
        (Steady, "same seed"),
        (Lazy, "every budget"),
        (Lazy, "its own budget"),
    ],
)
def test_the_checks_notice(plugin_cls: type[Any], name: str) -> None:
    found = fault(plugin_cls, name)
    assert not found.ok
    assert found.detail
