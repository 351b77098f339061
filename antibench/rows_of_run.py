"""The files of a run from its plan: the header, the lines of cells and costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from antibench.components import CaseFacts, ProtectionFacts, Resolved
from antibench.engine import Score
from antibench.graph import Graph
from antibench.keys import sha256_of
from antibench.plan import Cell
from antibench.store import Store
from antibench.suite import NONE

SCHEMA = 1


def header(resolved: Resolved, cases: Sequence[CaseFacts]) -> dict[str, Any]:
    """The header of ``plan.json``."""
    suite = resolved.suite
    worlds = {model.world for model in resolved.models}
    weights = {item.label: item.weights for item in resolved.parts if item.weights}
    return {
        "schema": SCHEMA,
        "suite": suite["name"],
        "suite_version": suite["version"],
        "suite_sha256": sha256_of(portable(suite)),
        "world": worlds.pop() if len(worlds) == 1 else "mixed",
        "level": "L1" if resolved.precision == "cpu" else "L2",
        "headline": suite["headline"],
        "metrics": [
            {
                "name": metric.label,
                "version": metric.version,
                "protects_when": metric.protects_when,
                "bounds": list(metric.bounds),
                "scope": metric.scope,
                "photo_twin": metric.photo_twin,
            }
            for metric in resolved.metrics
        ],
        "models": [
            {
                "name": model.label,
                "version": model.version,
                "world": model.world,
                "gate": model.gate,
                **({"local_weights": model.weights} if model.weights else {}),
            }
            for model in resolved.every_model
        ],
        "cases": [case.id for case in cases],
        "budgets": suite["budgets"],
        "seeds": suite["seeds"],
        "noise_seed": suite["noise_seed"],
        "protections": [
            {
                "label": item.label,
                "name": item.name,
                "version": item.version,
                "role": item.role,
                "params": item.params,
                **_modifiers(item, resolved),
            }
            for item in resolved.protections
        ],
        "purifications": [NONE, *(treatment.label for treatment in resolved.treatments)],
        **({"purification_weights": weights} if weights else {}),
        "surrogates": [model.label for model in resolved.surrogates],
        "targets": [model.label for model in resolved.models],
    }


def _modifiers(item: ProtectionFacts, resolved: Resolved) -> dict[str, Any]:
    """Which of the run's purifications a protection was made through, and the models it was made on all at once."""
    found: dict[str, Any] = {}
    adaptive = [treatment.label for treatment in resolved.treatments if item.adaptive(treatment)]
    if adaptive:
        found["adaptive"] = adaptive
    if item.ensemble:
        found["ensemble"] = {"label": item.ensemble.label, "models": [model.label for model in item.ensemble.models]}
    return found


def portable(suite: dict[str, Any]) -> dict[str, Any]:
    """A suite without the place of a folder of photos, which says something about a machine, not about the run."""
    dataset = {key: value for key, value in suite["dataset"].items() if key not in ("path", "captions")}
    return {**suite, "dataset": dataset}


def rows_of(cell: Cell, resolved: Resolved, scores: dict[str, Score]) -> Iterator[dict[str, Any]]:
    """The lines of a cell, one a metric of its scope.

    Raises:
        KeyError: if one of them has no score: every planned score is reported.
    """
    fields = cell.row()
    for metric in resolved.metrics:
        if metric.scope == cell.scope:
            score = scores[metric.label]
            yield {
                "cell": fields["cell"],
                "metric": metric.label,
                "status": score.status,
                "value": score.value,
                "reason": score.reason,
                **{key: value for key, value in fields.items() if key != "cell"},
            }


def ended_alike(cell: Cell, resolved: Resolved, status: Any, reason: str | None) -> dict[str, Score]:
    """Scores of a cell all of whose metrics end the same way."""
    return {metric.label: Score(status, reason=reason) for metric in resolved.metrics if metric.scope == cell.scope}


def cost_rows(graph: Graph, store: Store) -> list[dict[str, Any]]:
    """The lines of ``costs.jsonl``: what each protected photo took when it was made."""
    rows = []
    for (protection, surrogate, budget, case), key in graph.protected.items():
        facts = store.record(key)
        if facts is not None:
            rows.append(
                {
                    "protection": protection,
                    "surrogate": surrogate,
                    "budget": budget,
                    "case": case,
                    "seconds": round(facts["seconds"], 4),
                    "peak_mib": facts["peak_mib"],
                }
            )
    return rows
