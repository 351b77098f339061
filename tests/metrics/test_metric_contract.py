"""Every registered metric keeps the contract, and each rule of the contract catches who breaks it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from without_weights import COMPLETE, NEEDS_DOWNLOAD

from antibench.contracts import Card, CellView, Unscored
from antibench.registry import METRICS
from antibench.testing.check import Check
from antibench.testing.metric_contract import checks


@pytest.mark.parametrize("name", COMPLETE)
def test_contract(name: str) -> None:
    found = list(checks(METRICS.load(name)))
    assert len(found) == 14
    assert [check for check in found if not check.ok] == []


def test_contract_of_lpips_with_a_random_trunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own weights come from a download; the package's network with a random trunk keeps the same rules."""
    import lpips

    from antibench.metrics.judges import lpips_net

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        with pytest.warns(UserWarning, match="weights"):
            net = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    net.eval().requires_grad_(False)
    monkeypatch.setattr(lpips_net, "lpips_net", lambda: net)
    assert [check for check in checks(METRICS.load(NEEDS_DOWNLOAD)) if not check.ok] == []


@dataclass(frozen=True)
class Change:
    """Keeps the contract: root mean squared change of the protected photo, in levels."""

    name: ClassVar[str] = "change"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(title="Change of the photo")
    protects_when: ClassVar[Any] = "neither"
    bounds: ClassVar[tuple[float, float]] = (0.0, 255.0)
    scope: ClassVar[Any] = "fidelity"
    photo_twin: ClassVar[str | None] = None

    def score(self, view: CellView) -> float | Unscored:
        return float(np.sqrt(np.mean((view.protected.astype(float) - view.photo) ** 2)))


class Undecided(Change):
    protects_when = "sometimes"


class NoRange(Change):
    bounds = (1.0, 1.0)


class NoEnd(Change):
    bounds = (0.0, float("inf"))


class NoScope(Change):
    scope = "audio"


class TwinIsNoPhotoMetric(Change):
    photo_twin = "psnr"


class TwinIsUnknown(Change):
    photo_twin = "no-such-metric"


class TooNarrow(Change):
    bounds = (0.0, 20.0)


class NotANumber(Change):
    def score(self, view: CellView) -> float | Unscored:
        return float("nan") if view.protected.max() == 0 else super().score(view)


class WholeNumber(Change):
    def score(self, view: CellView) -> Any:
        return int(super().score(view))


class NoReason(Change):
    def score(self, view: CellView) -> float | Unscored:
        return Unscored(" ") if view.protected.max() == 0 else super().score(view)


class NeverScores(Change):
    def score(self, view: CellView) -> float | Unscored:
        return Unscored("always")


class FailsOnOneFrame(Change):
    def score(self, view: CellView) -> float | Unscored:
        return super().score(view) + float(view.frames[1].mean() * 0)


class Remembers(Change):
    calls: ClassVar[list[int]] = []

    def score(self, view: CellView) -> float | Unscored:
        self.calls.append(1)
        return super().score(view) + len(self.calls) / 1000


class LooksAtVideo(Change):
    def score(self, view: CellView) -> float | Unscored:
        return super().score(view) + float(view.frames.mean()) / 1000


class LooksAtNothing(Change):
    def score(self, view: CellView) -> float | Unscored:
        return 1.0


class WritesInput(Change):
    def score(self, view: CellView) -> float | Unscored:
        value = super().score(view)
        view.protected[:] = 0
        return value


class DrawsInSecret(Change):
    def score(self, view: CellView) -> float | Unscored:
        random.random()
        return super().score(view)


class WrapsAround(Change):
    """Subtracts and squares in eight bits."""

    def score(self, view: CellView) -> float | Unscored:
        return float(np.sqrt(np.mean((view.protected - view.photo) ** 2)))


class WrongDirection(Change):
    protects_when = "lower"


def broken(plugin: type[Any]) -> list[str]:
    return [check.name for check in checks(plugin) if not check.ok]


def test_a_good_plugin_passes() -> None:
    assert broken(Change) == []


def test_a_plugin_that_cannot_be_made_is_one_failed_check() -> None:
    found = list(checks(Change, no_such_parameter=1))
    assert found[-1] == Check("can be made with its parameters", False, found[-1].detail)
    assert "no_such_parameter" in found[-1].detail


@pytest.mark.parametrize(
    ("plugin", "rule"),
    [
        (Undecided, "direction, bounds"),
        (NoRange, "direction, bounds"),
        (NoEnd, "direction, bounds"),
        (NoScope, "direction, bounds"),
        (TwinIsNoPhotoMetric, "direction, bounds"),
        (TwinIsUnknown, "direction, bounds"),
        (TooNarrow, "finite and within"),
        (NotANumber, "finite and within"),
        (WholeNumber, "finite and within"),
        (NoReason, "finite and within"),
        (NeverScores, "the untouched portrait"),
        (FailsOnOneFrame, "one frame"),
        (Remembers, "same cell, same score"),
        (LooksAtVideo, "reads only"),
        (LooksAtNothing, "reads only"),
        (WritesInput, "inputs untouched"),
        (DrawsInSecret, "global generators"),
        (WrapsAround, "fidelity falls"),
        (WrongDirection, "rising noise"),
    ],
)
def test_each_rule_catches_its_breach(plugin: type[Any], rule: str) -> None:
    assert any(name.startswith(rule) for name in broken(plugin))
