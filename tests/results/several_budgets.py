"""Made-up runs at several budgets, of one population of photos."""

from __future__ import annotations

from typing import Any

from made_up_runs import World


def several_budgets(by_budget: dict[int, dict[str, dict[str, float]]], **options: Any) -> World:
    """One run of all budgets: what has no budget is taken from the first.

    Args:
        by_budget: Budget -> protection -> purification -> true strength.
        options: Of `World`. Every budget's noise is its own.
    """
    worlds = [World(strengths, budget=budget, **{"gate": "passed", "seed": budget, **options})
              for budget, strengths in by_budget.items()]  # fmt: skip
    first = worlds[0]
    first.header["budgets"] = list(by_budget)
    for world in worlds[1:]:
        first.cells += [line for line in world.cells if line["budget"]]
        first.costs += world.costs
    labels = {item["label"]: item for world in worlds for item in world.header["protections"]}
    first.header["protections"] = list(labels.values())
    return first
