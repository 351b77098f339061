"""Protections spoilt on purpose, for `gate.py`: a plugin file with what a careless change could do to a protection.

Each spoilt class is the original but for one thing, so the gate must tell the two apart by their clips alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from antibench.attacks.advdm import AdvDM
from antibench.attacks.anti_i2v import AntiI2V
from antibench.attacks.mist import Mist
from antibench.contracts import PerturbContext
from antibench.perturb.interception import Minimisation, Scalar, intercepting
from antibench.perturb.objective import Term
from antibench.perturb.terms import DiffusionLoss
from antibench.registry import PROTECTIONS


class HalfBudget:
    """Uses half of the budget it is given."""

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        halved = replace(context, budget_levels=context.budget_levels // 2)
        made: torch.Tensor = super().perturb(image, halved)  # type: ignore[misc]
        return made


class WrongSign:
    """Climbs where it should descend."""

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        with intercepting(self._turned):
            made: torch.Tensor = super().perturb(image, context)  # type: ignore[misc]
        return made

    @staticmethod
    def _turned(descent: Minimisation) -> Scalar:
        return lambda image: -descent.objective(image)


class NoDiffusionLoss:
    """Leaves the diffusion loss out of its objective."""

    def descend(
        self, image: torch.Tensor, context: PerturbContext, terms: Sequence[tuple[float, Term]], **options: Any
    ) -> torch.Tensor:
        kept = [(weight, term) for weight, term in terms if not isinstance(term, DiffusionLoss)]
        made: torch.Tensor = super().descend(image, context, kept, **options)  # type: ignore[misc]
        return made


SPOILT = {"half-budget": HalfBudget, "wrong-sign": WrongSign, "dropped-term": NoDiffusionLoss}

for _how, _mixin in SPOILT.items():
    for _of in (AdvDM, Mist, AntiI2V):
        if (_how, _of) == ("dropped-term", AdvDM):
            continue  # the diffusion loss is all it has: nothing would be left, which is "zero steps"
        _name = f"{_of.name}-{_how}"
        PROTECTIONS.register(type(_name, (_mixin, _of), {"name": _name, "__doc__": _mixin.__doc__}))
