"""The plan: every cell of a suite, in order, with its id. Pure: facts and case ids in, cells out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from antibench.components import ModelFacts, ProtectionFacts, Resolved, Scope
from antibench.errors import UserError
from antibench.keys import cell_id
from antibench.suite import CLEAN, NONE, RESEEDED, UNRELATED

Role = Literal["reference", "floor", "control", "protection", "degenerate"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing to score. The fields after `id` are those of a line of ``cells.jsonl``."""

    id: str
    scope: Scope
    role: Role
    protection: str
    surrogate: str | None
    target: str | None
    purification: str
    budget: int
    seed: int | None
    case: str

    def row(self) -> dict[str, Any]:
        """The cell as JSON types, `id` as ``cell``."""
        fields = asdict(self)
        return {"cell": fields.pop("id"), **fields}


@dataclass(frozen=True)
class Variant:
    """One way a photo is treated before purification: a protection at a budget on a surrogate, or none."""

    role: Role
    label: str
    budget: int = 0
    protection: ProtectionFacts | None = None
    surrogate: ModelFacts | None = None

    @property
    def skipped(self) -> str | None:
        """Why its cells cannot be run, if the surrogate lacks something."""
        if self.protection is None or self.surrogate is None:
            return None
        missing = sorted(self.protection.needs - {"references"} - self.surrogate.gives)
        if not missing:
            return None
        return f"{self.label} needs {', '.join(missing)}, which {self.surrogate.label} does not give"


def variants(resolved: Resolved) -> list[Variant]:
    """The reference, the floor and the reseeded control, then every protection at every budget and surrogate."""
    found = [Variant("reference", CLEAN), Variant("floor", UNRELATED), Variant("control", RESEEDED)]
    for protection in resolved.protections:
        surrogates: tuple[ModelFacts | None, ...] = surrogates_of(resolved, protection) if protection.needs else (None,)
        for budget in resolved.suite["budgets"]:
            found.extend(
                Variant(protection.role, protection.label, budget, protection, surrogate) for surrogate in surrogates
            )
    return found


def surrogates_of(resolved: Resolved, protection: ProtectionFacts) -> tuple[ModelFacts, ...]:
    """The models a protection is made on: all surrogates, or those it names, or its ensemble as one."""
    if protection.ensemble is not None:
        return (protection.ensemble,)
    named = protection.surrogates
    return tuple(model for model in resolved.surrogates if named is None or model.label in named)


def plan_cells(resolved: Resolved, case_ids: Sequence[str]) -> list[Cell]:
    """Every cell of the suite for these cases, in the order of the results.

    Raises:
        UserError: if there is nothing to run.
    """
    if not case_ids:
        raise UserError(f"dataset {resolved.dataset.name!r} holds no photo")
    scopes = {metric.scope for metric in resolved.metrics}
    cells = [
        cell
        for variant in variants(resolved)
        for scope, place in _places(resolved, variant)
        if scope in scopes
        for cell in _cells(resolved, variant, scope, place, case_ids)
    ]
    asked = "video" in scopes and any(protection.role != "control" for protection in resolved.protections)
    if asked and not any(cell.target and cell.role in ("protection", "degenerate") for cell in cells):
        raise UserError(
            "the suite crosses to nothing: no protection is made on a surrogate of it and shown to a model of it"
        )
    return cells


@dataclass(frozen=True)
class _Place:
    """Where a variant is looked at: purification, target and seed."""

    purification: str = NONE
    purification_key: Any = NONE
    target: ModelFacts | None = None
    seed: int | None = None


def _places(resolved: Resolved, variant: Variant) -> Iterator[tuple[Scope, _Place]]:
    if variant.protection is not None:
        yield "fidelity", _Place()
    labels: list[tuple[str, Any]] = [(NONE, NONE)]
    labels += [(treatment.label, treatment.key) for treatment in resolved.treatments]
    for label, key in labels:
        if variant.label != RESEEDED:
            yield "photo", _Place(label, key)
        for target in targets_of(resolved, variant, purified=label != NONE):
            for seed in resolved.suite["seeds"]:
                yield "video", _Place(label, key, target, seed)


def targets_of(resolved: Resolved, variant: Variant, *, purified: bool) -> list[ModelFacts]:
    """The models that animate a variant: all, or the surrogate itself where the suite wants no transfer.

    Where it wants transfer of unpurified photos alone, a purified one is animated by its surrogate, and what has no
    surrogate (the clean photo, the controls) by all surrogates, so that everything purified has its reference.
    """
    transfer = resolved.suite["transfer"]
    at_home = purified if transfer == "unpurified" else not transfer
    if not at_home or (variant.surrogate is None and not transfer):
        return list(resolved.models)
    homes = resolved.surrogates if variant.surrogate is None else variant.surrogate.members
    return [model for model in resolved.models if model.label in {home.label for home in homes}]


def _cells(
    resolved: Resolved, variant: Variant, scope: Scope, place: _Place, case_ids: Sequence[str]
) -> Iterator[Cell]:
    identity = {
        "scope": scope,
        "role": variant.role,
        "protection": variant.protection.digest if variant.protection else variant.label,
        "surrogate": variant.surrogate.digest if variant.surrogate else None,
        "target": place.target.digest if place.target else None,
        "purification": place.purification_key,
        "budget": variant.budget,
        "seed": place.seed,
        "noise_seed": resolved.suite["noise_seed"] if variant.label == RESEEDED else None,
        "dataset": f"{resolved.dataset.name}@{resolved.dataset.version}",
    }
    for case in case_ids:
        yield Cell(
            id=cell_id({**identity, "case": case}),
            scope=scope,
            role=variant.role,
            protection=variant.label,
            surrogate=variant.surrogate.label if variant.surrogate else None,
            target=place.target.label if place.target else None,
            purification=place.purification,
            budget=variant.budget,
            seed=place.seed,
            case=case,
        )
