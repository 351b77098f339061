"""From cells to jobs: what must be computed for each cell, with everything that several cells need made once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

from antibench.components import CaseFacts, MetricFacts, ModelFacts, ProtectionFacts, Resolved, World
from antibench.jobs import STAGES, GenerateJob, Job, ProtectJob, PurifyJob, ScoreJob, Source
from antibench.keys import job_key
from antibench.plan import Cell, Variant, variants
from antibench.suite import NONE, RESEEDED, UNRELATED

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a cell that is not computed ends."""

    status: str
    reason: str


@dataclass
class Graph:
    """Jobs by key, inputs before what uses them, and what each cell waits for."""

    jobs: dict[str, Job] = field(default_factory=dict)
    waits: dict[str, str] = field(default_factory=dict)
    """Cell id -> key of its score job."""
    endings: dict[str, Ending] = field(default_factory=dict)
    """Cell id -> how it ends, for cells that need no job."""
    protected: dict[tuple[str, str | None, int, str], str] = field(default_factory=dict)
    """(protection, surrogate, budget, case) -> key of the job that protects it, for the costs."""

    def ordered(self) -> list[Job]:
        """All jobs in the order to run them: by stage, and by model within a stage so that each is loaded once."""
        return sorted(self.jobs.values(), key=_order)


def _order(job: Job) -> tuple[int, str]:
    model = job.model if isinstance(job, GenerateJob) else job.surrogate if isinstance(job, ProtectJob) else None
    return STAGES.index(job.stage), model.label if model else ""


@cache
def photo_key(sha256: str, size: Size) -> str:
    """Key of a case's photo fitted to a size."""
    return job_key("prepare", photo=sha256, size=list(size))


def photo_sizes(resolved: Resolved) -> list[Size]:
    """The sizes at which photos are worked on."""
    models = (*resolved.surrogates, *resolved.models, *resolved.every_model)
    return list(dict.fromkeys(model.size for model in models))


def build_graph(resolved: Resolved, cells: Sequence[Cell], cases: Sequence[CaseFacts], target_sha256: str) -> Graph:
    """The jobs behind the cells.

    Args:
        resolved: The suite.
        cells: From `plan_cells`.
        cases: The dataset as read, in order.
        target_sha256: Hash of the unrelated photo that targeted protections aim at.
    """
    builder = _Builder(resolved, cases, target_sha256)
    for cell in cells:
        builder.add(cell)
    return builder.graph


class _Builder:
    def __init__(self, resolved: Resolved, cases: Sequence[CaseFacts], target_sha256: str) -> None:
        self.graph = Graph()
        self._resolved = resolved
        self._target_sha256 = target_sha256
        self._cases = {case.id: case for case in cases}
        readable = [case for case in cases if case.broken is None]
        self._next = {a.id: b for a, b in zip(readable, readable[1:] + readable[:1], strict=True) if a.id != b.id}
        self._variants = {_variant_key(item): item for item in variants(resolved)}
        self._targets = {model.label: model for model in resolved.models}
        self._treatments = {treatment.label: treatment for treatment in resolved.treatments}
        self._memo: dict[tuple[str, ...], str] = {}

    def add(self, cell: Cell) -> None:
        case = self._cases[cell.case]
        variant = self._variants[cell.protection, cell.surrogate, cell.budget]
        if case.broken is not None:
            self.graph.endings[cell.id] = Ending("failed", f"photo cannot be read: {case.broken}")
        elif variant.skipped is not None:
            self.graph.endings[cell.id] = Ending("skipped", variant.skipped)
        elif cell.role == "floor" and cell.case not in self._next:
            self.graph.endings[cell.id] = Ending("skipped", "the floor needs a second readable photo")
        else:
            job = self._score(cell, case, variant)
            self.graph.jobs.setdefault(job.key, job)
            self.graph.waits[cell.id] = job.key

    def _score(self, cell: Cell, case: CaseFacts, variant: Variant) -> ScoreJob:
        target = self._targets[cell.target] if cell.target else None
        size = self._size(variant, target)
        photo = photo_key(case.sha256, size)
        protected = self._protected(case, variant, size)
        seen = self._purified(protected, cell.purification)
        video = clean_video = None
        if target is not None and cell.seed is not None:
            clean_video = self._video(target, self._purified(photo, cell.purification), case.caption, cell.seed)
            video = self._video(target, seen, case.caption, cell.seed)
            if cell.protection == RESEEDED:
                video = self._video(target, seen, case.caption, self._resolved.suite["noise_seed"])
        if cell.protection == UNRELATED:
            other = self._next[case.id]
            stranger = self._purified(photo_key(other.sha256, size), cell.purification)
            if target is not None and cell.seed is not None:
                video = self._video(target, stranger, other.caption, cell.seed)
            else:
                seen = stranger
        world = (target or self._resolved.surrogates[0]).world
        return self._view(cell, case, photo, protected, seen, video, clean_video, world)

    def _view(
        self,
        cell: Cell,
        case: CaseFacts,
        photo: str,
        protected: str,
        seen: str,
        video: str | None,
        clean_video: str | None,
        world: World,
    ) -> ScoreJob:
        parts = {
            "scope": cell.scope,
            "photo": photo,
            "protected": protected,
            "seen": seen,
            "video": video,
            "clean_video": clean_video,
            "caption": case.caption,
            "budget": cell.budget,
            "world": world,
        }
        return ScoreJob(
            key=job_key("view", **parts),
            metrics=self._metrics[cell.scope],
            photo=photo,
            protected=protected,
            seen=seen,
            video=video,
            clean_video=clean_video,
            caption=case.caption,
            budget=cell.budget,
            world=world,
        )

    @cached_property
    def _metrics(self) -> dict[str, tuple[MetricFacts, ...]]:
        metrics = self._resolved.metrics
        return {item.scope: tuple(other for other in metrics if other.scope == item.scope) for item in metrics}

    def _size(self, variant: Variant, target: ModelFacts | None) -> Size:
        """A photo is worked on at its surrogate's size; without one at the target's, else the first surrogate's."""
        return (variant.surrogate or target or self._resolved.surrogates[0]).size

    def _protected(self, case: CaseFacts, variant: Variant, size: Size) -> str:
        photo = photo_key(case.sha256, size)
        protection, surrogate = variant.protection, variant.surrogate
        if protection is None:
            return photo
        memo = ("protect", protection.label, surrogate.label if surrogate else "", str(variant.budget), case.id, photo)
        if memo not in self._memo:
            members = surrogate.members if surrogate else (None,)
            first, *others = (self._source(case, protection, member, size) for member in members)
            references, target_photo = first.references, first.target_photo
            more = {"others": [other.identity for other in others]} if others else {}
            key = job_key(
                "protect",
                plugin=protection.digest,
                surrogate=surrogate.digest if surrogate else None,
                photo=photo,
                references=references,
                target_photo=target_photo,
                caption=case.caption,
                budget=variant.budget,
                precision=self._resolved.precision,
                **more,
            )
            self.graph.jobs[key] = ProtectJob(
                key,
                protection,
                surrogate,
                photo,
                references,
                target_photo,
                case.caption,
                variant.budget,
                tuple(others),
            )
            self._memo[memo] = key
            self.graph.protected.setdefault((*_variant_key(variant), case.id), key)
        return self._memo[memo]

    def _source(self, case: CaseFacts, protection: ProtectionFacts, model: ModelFacts | None, size: Size) -> Source:
        """What a model gives a protection: clips of the clean photo, and the unrelated photo at its size."""
        size = model.size if model else size
        references: tuple[str, ...] = ()
        if model is not None and "references" in protection.needs:
            photo, seeds = photo_key(case.sha256, size), self._resolved.suite["reference_seeds"]
            references = tuple(self._video(model, photo, case.caption, seed, "reference") for seed in seeds)
        return Source(model, references, photo_key(self._target_sha256, size))

    def _purified(self, image: str, label: str) -> str:
        if label == NONE:
            return image
        memo = ("purify", label, image)
        if memo not in self._memo:
            key = image
            for plugin, strength in self._treatments[label].steps:
                computed = {"precision": self._resolved.precision} if plugin.learned else {}
                before, key = key, job_key("purify", plugin=plugin.digest, strength=strength, image=key, **computed)
                self.graph.jobs.setdefault(key, PurifyJob(key, plugin, strength, before))
            self._memo[memo] = key
        return self._memo[memo]

    def _video(self, model: ModelFacts, image: str, prompt: str, seed: int, stage: str = "generate") -> str:
        memo = ("generate", model.digest, image, prompt, str(seed))
        if memo not in self._memo:
            key = job_key(
                "generate",
                model=model.digest,
                image=image,
                prompt=prompt,
                seed=seed,
                precision=self._resolved.precision,
            )
            self.graph.jobs.setdefault(key, GenerateJob(key, model, image, prompt, seed, stage))
            self._memo[memo] = key
        return self._memo[memo]


def _variant_key(variant: Variant) -> tuple[str, str | None, int]:
    return variant.label, variant.surrogate.label if variant.surrogate else None, variant.budget
