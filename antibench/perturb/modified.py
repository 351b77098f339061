"""A protection with modifiers: the same file, another objective."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Literal

import torch

from antibench.contracts import Card, PerturbContext, Protection
from antibench.perturb.ensemble import Together
from antibench.perturb.eot import EOT
from antibench.perturb.interception import Minimisation, Scalar, intercepting


@dataclass(frozen=True)
class Modified:
    """A protection whose descent goes through purifications, over several models, or both.

    Whatever the order they are written in, each step draws one purification, and all models see the photo through it.

    Attributes:
        protection: What is modified.
        name: The expression.
        eot: Purifications to look through.
        ensemble: Whether it is made on `PerturbContext.others` as well.
    """

    protection: Protection
    name: str
    eot: EOT | None = None
    ensemble: bool = False

    @property
    def version(self) -> int:
        """Of the protection."""
        return self.protection.version

    @property
    def card(self) -> Card:
        """Of the protection."""
        return self.protection.card

    @property
    def needs(self) -> frozenset[str]:
        """Of the protection."""
        return self.protection.needs

    @property
    def stochastic(self) -> bool:
        """Draws are random."""
        return self.eot is not None or self.protection.stochastic

    @property
    def role(self) -> Literal["protection", "control", "degenerate"]:
        """Of the protection."""
        return self.protection.role

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`.

        Raises:
            ValueError: if the protection does not descend through `antibench.perturb.pgd`, so that nothing reached it.
        """
        reached = False

        def note(descent: Minimisation) -> Scalar:
            nonlocal reached
            reached = True
            return descent.objective

        with contextlib.ExitStack() as stack:
            if self.eot is not None:
                eot = self.eot
                stack.enter_context(intercepting(lambda descent: eot.through(descent, context.generator)))
            if self.ensemble and context.others:
                stack.enter_context(intercepting(Together(self.protection, context).average))
            stack.enter_context(intercepting(note))
            result = self.protection.perturb(image, context)
        if not reached:
            raise ValueError(
                f"{self.protection.name} does not descend through antibench.perturb.pgd, so {self.name} changes nothing"
            )
        return result
