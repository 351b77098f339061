"""The contract of a composition of purifications, and of a protection with modifiers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, cast

from antibench import registry
from antibench.composition import Composition
from antibench.contracts import Protection, Purification
from antibench.resolve import instance, modified_protection, purification
from antibench.suite import ProtectionChoice, PurificationChoice
from antibench.testing import protection_contract, purification_contract
from antibench.testing.check import Check
from antibench.testing.tiny_cogvideox import TinyCogVideoX
from antibench.testing.tiny_svd import TinySVD


def checks_of_purification(expression: str, **params: Any) -> Iterator[Check]:
    """Check ``jpeg(75)>resize(0.5)``; where a part names no strength, for each of its strengths."""
    found = purification(PurificationChoice(name=expression, **params)).treatments
    for treatment in found:
        composed = Composition(tuple((instance(part), strength) for part, strength in treatment.steps))
        for check in purification_contract.behaviour(cast(Purification, composed)):
            yield dataclasses.replace(check, name=f"{treatment.label}: {check.name}") if len(found) > 1 else check


def checks_of_protection(expression: str, **params: Any) -> Iterator[Check]:
    """Check ``mist+ensemble(a,b)+eot(jpeg)`` on tiny models in the place of those it names."""
    choice = ProtectionChoice(name=expression, **params)
    cls = registry.PROTECTIONS.load(choice.expression.name)
    if "steps" in {item.name for item in dataclasses.fields(cls)}:
        choice = ProtectionChoice(name=expression, **{"steps": protection_contract.QUICK_STEPS, **params})
    facts = modified_protection(choice)
    plugin = cast(Protection, instance(facts))
    if facts.ensemble is not None:
        kinds = (TinySVD(), TinyCogVideoX())
        others = tuple(kinds[index % 2].load("cpu") for index in range(1, len(facts.ensemble.models)))
        plugin = cast(Protection, protection_contract.OnSeveral(plugin, others))
    yield from protection_contract.behaviour(plugin)
