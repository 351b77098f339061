"""Doing one job: read its inputs from the store, run the plugin, store what comes out."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from antibench import video
from antibench.budget import settle
from antibench.components import Component, ModelFacts, PurificationFacts
from antibench.contracts import FramesU8, ImageU8, PerturbContext, Place, VideoModel
from antibench.engine import Outcome
from antibench.engine.gpu import GpuMemory, gpu_memory, shortage, too_large
from antibench.engine.memory import PeakMemory
from antibench.engine.recent import Recent
from antibench.engine.scoring import score_view
from antibench.errors import UserError, reason_of
from antibench.jobs import GenerateJob, Job, ProtectJob, PurifyJob, ScoreJob, Source
from antibench.keys import rng_seed
from antibench.pixels import from_png, to_float, to_png
from antibench.resolve import instance
from antibench.store import MissingArtifact, Store, StoreError

OVER_BUDGET_FACTOR = 4
"""A proposal beyond this many budgets ignores the budget, so its cells are marked ``over-budget`` and not scored."""


class Bench:
    """Where one worker does its jobs; keeps loaded models and plugins."""

    def __init__(
        self,
        store: Store,
        device: str,
        weights: Mapping[str, Path] | None = None,
        memory_of: Callable[[str], GpuMemory | None] = gpu_memory,
    ) -> None:
        """Start with nothing loaded.

        Args:
            store: Where inputs and results lie.
            device: Torch device.
            weights: Where local weights lie, by digest.
            memory_of: What the device's GPU has.
        """
        self._store = store
        self._device = device
        self._weights = dict(weights or {})
        self._memory_of = memory_of
        self._labels: dict[str, str] = {}
        self._models: dict[str, VideoModel] = {}
        self._plugins: dict[str, Any] = {}
        self._recent = Recent()

    def perform(self, job: Job) -> Outcome:
        """Run a job. Whatever a plugin raises becomes the job's reason; only a store that fails is fatal."""
        seed = rng_seed(job.key)
        _seed_everything(seed, self._device)
        try:
            if isinstance(job, ProtectJob):
                return self._protect(job, seed)
            if isinstance(job, PurifyJob):
                return self._purify(job, seed)
            if isinstance(job, GenerateJob):
                return self._generate(job)
            return self._score(job)
        except StoreError as error:
            return Outcome(job.key, "failed", str(error), fatal=True)
        except MissingArtifact as error:
            return Outcome(job.key, "failed", f"input {error} was damaged in the store; run again to make it anew")
        except torch.OutOfMemoryError as error:
            return Outcome(job.key, "failed", f"{job.stage} {_owner(job)}: {self._out_of_memory(job, error)}")
        except Exception as error:
            return Outcome(job.key, "failed", f"{job.stage} {_owner(job)}: {reason_of(error)}")

    def _out_of_memory(self, job: Job, error: Exception) -> str:
        """What a model's job needed; torch's own words where no model is in it."""
        model = job.model if isinstance(job, GenerateJob) else job.surrogate if isinstance(job, ProtectJob) else None
        if model is None:
            return reason_of(error)
        model = model.members[-1]  # of an ensemble the last one: the others are loaded beside it
        beside = sorted({label for digest, label in self._labels.items() if digest != model.digest})
        return shortage(instance(model), model.label, self._memory_of(self._device), beside)

    def _protect(self, job: ProtectJob, seed: int) -> Outcome:
        photo = self._image(job.photo)
        first = job.surrogate.members[0] if job.surrogate else None
        context = self._context(job, Source(first, job.references, job.target_photo), seed)
        others = enumerate(job.others, start=1)
        more = tuple(self._context(job, other, rng_seed(f"{job.key}|{index}")) for index, other in others)
        context = replace(context, others=more)
        plugin = self._plugin(job.plugin)
        memory = PeakMemory(self._device)
        start = time.perf_counter()
        proposal = plugin.perturb(to_float(photo).to(self._device), context)
        settled = settle(proposal, photo, job.budget)
        seconds = time.perf_counter() - start
        facts = _facts(job, job.plugin, seconds)
        facts |= {"peak_mib": round(memory.mib(), 1), "proposed_levels": round(settled.proposed_levels, 3)}
        facts |= {"final_levels": settled.final_levels, "over_budget": None}
        if settled.proposed_levels > OVER_BUDGET_FACTOR * job.budget:
            facts["over_budget"] = (
                f"proposed a change of {settled.proposed_levels:.1f} levels, "
                f"more than {OVER_BUDGET_FACTOR} times the budget of {job.budget}"
            )
        self._store.put(job.key, "png", to_png(settled.image), facts)
        return protect_outcome(job.key, facts)

    def _context(self, job: ProtectJob, source: Source, seed: int) -> PerturbContext:
        model = None if source.model is None else self._model(source.model)
        return PerturbContext(
            caption=job.caption,
            budget_levels=job.budget,
            surrogate=cast(VideoModel, model),  # None where the protection needs none
            references=tuple(self._clip(key) for key in source.references),
            target_photo=to_float(self._image(source.target_photo)).to(self._device),
            generator=torch.Generator().manual_seed(seed),
        )

    def _purify(self, job: PurifyJob, seed: int) -> Outcome:
        image, plugin = self._image(job.image), self._plugin(job.plugin)
        rng = np.random.default_rng(seed)
        start = time.perf_counter()
        where = {"place": self._place(job.plugin)} if job.plugin.learned else {}
        purified = np.asarray(plugin.apply(image, strength=job.strength, rng=rng, **where))
        seconds = time.perf_counter() - start
        if purified.dtype != np.uint8 or purified.shape != image.shape:
            raise ValueError(f"returned {purified.dtype} {purified.shape} for uint8 {image.shape}")
        self._store.put(job.key, "png", to_png(purified), _facts(job, job.plugin, seconds))
        return Outcome(job.key, "ok")

    def _generate(self, job: GenerateJob) -> Outcome:
        model, image = self._model(job.model), self._image(job.image)
        start = time.perf_counter()
        frames = model.generate(image, job.prompt, job.seed)
        seconds = time.perf_counter() - start
        self._store.put(job.key, "mkv", video.encode(frames, model.fps), _facts(job, job.model, seconds))
        return Outcome(job.key, "ok")

    def _score(self, job: ScoreJob) -> Outcome:
        images = {key: self._image(key) for key in dict.fromkeys((job.photo, job.protected, job.seen))}
        clips = {key: self._clip(key) for key in (job.video, job.clean_video) if key is not None}
        metrics = [(metric, self._plugin(metric)) for metric in job.metrics]
        return Outcome(job.key, "ok", scores=score_view(job, images, clips, metrics, self._store))

    def _image(self, key: str) -> ImageU8:
        return self._recent.get(key, lambda key: from_png(self._store.get(key)))

    def _clip(self, key: str) -> FramesU8:
        return self._recent.get(key, lambda key: video.decode(self._store.get(key)))

    def _plugin(self, item: Component) -> Any:
        if item.digest not in self._plugins:
            self._plugins[item.digest] = instance(item)
        return self._plugins[item.digest]

    def _model(self, item: ModelFacts) -> VideoModel:
        if item.digest not in self._models:
            self._models[item.digest] = self._loaded(item)
            self._labels[item.digest] = item.label
        return self._models[item.digest]

    def _loaded(self, item: ModelFacts) -> VideoModel:
        spec = instance(item)
        fault = too_large(spec, item.label, self._memory_of(self._device))
        if fault is not None:
            raise UserError(fault)
        weights = self._place(item).weights
        return cast(VideoModel, spec.load(self._device, weights) if weights else spec.load(self._device))

    def _place(self, item: ModelFacts | PurificationFacts) -> Place:
        """Where something computes, and where its local weights lie."""
        if item.weights and item.weights not in self._weights:
            raise UserError(f"the local weights of {item.label} are not at hand; give them again by --weights")
        return Place(self._device, self._weights[item.weights] if item.weights else None)


def protect_outcome(key: str, facts: dict[str, Any]) -> Outcome:
    """The outcome of a protect job from the facts stored with its photo."""
    if facts.get("over_budget"):
        return Outcome(key, "over-budget", facts["over_budget"])
    return Outcome(key, "ok")


def _facts(job: Job, item: Component, seconds: float) -> dict[str, Any]:
    return {"stage": job.stage, "plugin": f"{item.name}@{item.version}", "source": item.source, "seconds": seconds}


def _owner(job: Job) -> str:
    if isinstance(job, GenerateJob):
        return job.model.label
    return "view" if isinstance(job, ScoreJob) else job.plugin.label


def _seed_everything(seed: int, device: str) -> None:
    """Global generators too, so that a library that uses one anyway does not make results depend on order."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)
    if device.startswith("cuda"):  # `torch.manual_seed` would queue a call for every job where there is no GPU
        torch.cuda.manual_seed_all(seed)
