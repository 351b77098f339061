"""What a plugin's card and parameters say, line by line: for ``antibench info`` and for the page of cards."""

from __future__ import annotations

import dataclasses
from typing import Any

from antibench.contracts import Card, Claim
from antibench.report.measured import answered, measured


def facts(plugin_cls: type[Any]) -> list[tuple[str, list[str]]]:
    """(heading, lines) of a registered class, those that say nothing left out; nothing is made or loaded."""
    card: Card = plugin_cls.card
    paper = f"arXiv {card.arxiv}" if card.arxiv else ""
    needs = getattr(plugin_cls, "needs", None)
    found = {
        "source": [card.source, ", ".join(filter(None, [str(card.year or ""), paper]))],
        "reference": [card.reference],
        "licence": [card.licence],
        "native space": [card.native_space],
        "native budget": [card.native_budget],
        "role": [getattr(plugin_cls, "role", "")],
        "needs of a surrogate": [] if needs is None else [", ".join(sorted(needs)) or "nothing"],
        "parameters": [f"{item.name} = {_default(item)}" for item in dataclasses.fields(plugin_cls)],
        "deviations": list(card.deviations),
        "claims": [claimed(claim, answered(plugin_cls, claim)) for claim in card.claims],
        "measured": measured(plugin_cls),
        "notes": [card.notes],
    }
    told = ((heading, [line for line in lines if line]) for heading, lines in found.items())
    return [(heading, lines) for heading, lines in told if lines]


def claimed(claim: Claim, answer: str = "") -> str:
    """A claim with what a run compares for it, and what the small world said."""
    return f"{claim.said} ({compares(claim)})" + (f": {answer}" if answer else "")


def compares(claim: Claim) -> str:
    """What a run compares for a claim."""
    after = "" if claim.after == "none" else f", after {claim.after}"
    return f"{claim.metric or 'strength'} of {claim.more} > of {claim.less}{after}"


def _default(item: dataclasses.Field[Any]) -> str:
    if item.default is not dataclasses.MISSING:
        return repr(item.default)
    return "required" if item.default_factory is dataclasses.MISSING else repr(item.default_factory())
