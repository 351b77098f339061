"""What of a run is done already, what is left to do, and whether the code changed under it."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import mean

from antibench.components import Component
from antibench.engine import Outcome, Score
from antibench.graph import Graph
from antibench.jobs import STAGES, GenerateJob, Job, ScoreJob, record_key
from antibench.store import Store


@dataclass
class Standing:
    """The state of a run's jobs in the store."""

    scores: dict[str, dict[str, Score]] = field(default_factory=lambda: defaultdict(dict))
    """Key of a view -> label of a metric -> its score, as far as known."""
    todo: list[Job] = field(default_factory=list)
    """Jobs to run, in order of preference."""
    known: dict[str, Outcome] = field(default_factory=dict)
    """Jobs among `todo` that need not run to know how they end."""
    stale: Counter[str] = field(default_factory=Counter)
    """``kind name@version`` -> results made by other code of the same version."""
    total: Counter[str] = field(default_factory=Counter)
    """Stage -> jobs in the plan."""
    _seconds: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))

    @property
    def left(self) -> dict[str, int]:
        """Stage -> jobs to run, in the order of the stages."""
        counts = Counter(job.stage for job in self.todo if job.key not in self.known)
        return {stage: counts[stage] for stage in STAGES if self.total[stage]}

    def estimate(self) -> dict[str, float | None]:
        """Stage -> seconds of one core's work that are left, from finished jobs of the same plugin; None if none."""
        sums: dict[str, float | None] = dict.fromkeys(self.left, 0.0)
        for job in self.todo:
            for item in _parts(job) if job.key not in self.known else ():
                seen, so_far = self._seconds.get((job.stage, item.digest)), sums[job.stage]
                sums[job.stage] = so_far + mean(seen) if seen and so_far is not None else None
        return sums


def standing(graph: Graph, store: Store) -> Standing:
    """Look every job up in the store."""
    found = Standing()
    for job in graph.jobs.values():
        found.total[job.stage] += 1
        _look_up(job, store, found)
    needed = _needed(graph, store, found)
    found.todo = [needed[job.key] for job in graph.ordered() if job.key in needed]
    return found


def _look_up(job: Job, store: Store, found: Standing) -> None:
    if isinstance(job, ScoreJob):
        for metric in job.metrics:
            record = store.record(record_key(metric, job.key))
            if record is not None:
                score = Score(record["status"], record["value"], record["reason"])
                found.scores[job.key][metric.label] = score
                _note(job, metric, record, found)
        return
    record = store.record(job.key)
    if record is not None:
        _note(job, _parts(job)[0], record, found)


def _note(job: Job, item: Component, record: dict[str, object], found: Standing) -> None:
    if record.get("source") != item.source:
        found.stale[f"{item.kind.removesuffix('s')} {item.name}@{item.version}"] += 1
    seconds = record.get("seconds")
    if isinstance(seconds, int | float):
        found._seconds[job.stage, item.digest].append(float(seconds))


def _needed(graph: Graph, store: Store, found: Standing) -> dict[str, Job]:
    """The views with a metric missing, and back from them every input that is not intact in the store."""
    needed: dict[str, Job] = {}
    looked_at: set[str] = set()
    stack: list[str] = []
    for job in graph.jobs.values():
        if isinstance(job, ScoreJob):
            missing = tuple(metric for metric in job.metrics if metric.label not in found.scores[job.key])
            if missing:
                needed[job.key] = dataclasses.replace(job, metrics=missing)
                stack.extend(job.inputs)
    while stack:
        key = stack.pop()
        job_of = graph.jobs.get(key)
        if key in looked_at or job_of is None:
            continue
        looked_at.add(key)
        intact = store.intact(key)
        ignored_budget = (store.record(key) or {}).get("over_budget") if intact else None
        if ignored_budget:
            found.known[key] = Outcome(key, "over-budget", str(ignored_budget), ran=False)
        if not intact or ignored_budget:
            needed[key] = job_of
        if not intact:
            stack.extend(job_of.inputs)
    return needed


def _parts(job: Job) -> tuple[Component, ...]:
    """The components whose code a job runs."""
    if isinstance(job, ScoreJob):
        return job.metrics
    return (job.model if isinstance(job, GenerateJob) else job.plugin,)
