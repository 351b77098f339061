"""Scoring a run again from its stored videos; nothing is generated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from antibench.components import CaseFacts
from antibench.engine import Outcome
from antibench.errors import UserError
from antibench.jobs import ScoreJob
from antibench.progress import Teller
from antibench.run import Ran, Settings, Work, finish
from antibench.run_folder import RunFolder
from antibench.standing import standing
from antibench.store import Store
from antibench.suite_file import validated


def rescore(settings: Settings, metrics: tuple[str, ...], tell: Teller) -> Ran:
    """Score a run with its own metrics, as they are now, and with others.

    Args:
        settings: `out` is the run; its store must still hold the videos.
        metrics: Names of metrics to add.
        tell: Told of the progress.

    Raises:
        UserError: if the folder holds no run of this antibench, or a metric is unknown.
    """
    folder = RunFolder(settings.out)
    if not settings.out.is_dir():
        raise UserError(f"{settings.out}: no such run")
    with folder.locked():
        plan = folder.plan()
        if not {"suite", "cases", "precision"} <= plan.keys():
            raise UserError(f"{settings.out} holds no readable plan.json of a run")
        store = Store(settings.store)
        store.prepare()
        work = work_of(plan, metrics, store)
        folder.unfinish()
        state = standing(work.graph, store)
        reason = "not in the store any more; `antibench run` makes it again"
        gone = {
            job.key: Outcome(job.key, "failed", reason, ran=False)
            for job in state.todo
            if not isinstance(job, ScoreJob)
        }
        state.known.update({key: outcome for key, outcome in gone.items() if key not in state.known})
        return finish(work, state, folder, store, settings, tell, mark="")


def work_of(plan: dict[str, Any], metrics: tuple[str, ...], store: Store | None) -> Work:
    """The cells and jobs of a run, from its plan.json alone, with other metrics added.

    Args:
        plan: What plan.json holds.
        metrics: Names of metrics to add.
        store: Where the photo that targeted protections aim at is kept for those that run the jobs; None for those
            that only look, who write nothing.
    """
    from antibench.cases import keep_target_photo, target_photo  # these import torch
    from antibench.graph import build_graph
    from antibench.pixels import digest
    from antibench.plan import plan_cells
    from antibench.resolve import resolve

    raw = dict(plan["suite"])
    present = {metric["name"] for metric in raw["metrics"]}
    raw["metrics"] = [*raw["metrics"], *({"name": name} for name in metrics if name not in present)]
    resolved = resolve(validated(raw), plan["precision"], _weights_of(plan))
    cases = [CaseFacts(**case) for case in plan["cases"]]
    cells = plan_cells(resolved, [case.id for case in cases])
    target = digest(target_photo()) if store is None else keep_target_photo(resolved, store)
    graph = build_graph(resolved, cells, cases, target)
    return Work(resolved, cases, cells, graph)


def _weights_of(plan: dict[str, Any]) -> dict[str, str]:
    """Digests of the local weights that the run used, which are part of its videos' keys."""
    header = plan.get("header", {})
    of_models = {item["name"]: item["local_weights"] for item in header.get("models", []) if "local_weights" in item}
    return {**header.get("purification_weights", {}), **of_models}


def default_store(run: Path) -> Path:
    """Where the videos of a run lie unless told otherwise: ``results/store`` beside ``results/runs``."""
    return run.resolve().parent.parent / "store"
