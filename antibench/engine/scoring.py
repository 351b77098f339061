"""Scoring one view with several metrics; each value is stored under its own key."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from antibench.components import MetricFacts
from antibench.contracts import CellView, FramesU8, ImageU8, Metric, Unscored
from antibench.engine import Score
from antibench.errors import reason_of
from antibench.jobs import ScoreJob, record_key
from antibench.store import Store

BOUND_SLACK = 1e-6
"""Rounding that a value may lie outside its metric's declared bounds."""


def score_view(
    job: ScoreJob,
    images: dict[str, ImageU8],
    clips: dict[str, FramesU8],
    metrics: list[tuple[MetricFacts, Metric]],
    store: Store,
) -> dict[str, Score]:
    """Score a view; a metric that fails does not keep the others from scoring.

    Args:
        job: The view.
        images: Its images by key.
        clips: Its clips by key.
        metrics: What to score, with the plugin that does it.
        store: Where values go. A failure is not stored: the next run tries again.
    """
    nothing = np.zeros((0, *images[job.photo].shape), np.uint8)
    view = CellView(
        photo=images[job.photo],
        protected=images[job.protected],
        seen=images[job.seen],
        frames=clips[job.video] if job.video else nothing,
        clean_frames=clips[job.clean_video] if job.clean_video else nothing,
        caption=job.caption,
        budget_levels=job.budget,
        world=job.world,
    )
    scores = {}
    for facts, metric in metrics:
        start = time.perf_counter()
        score = scores[facts.label] = _score(facts, metric, view)
        if score.status != "failed":
            seconds = time.perf_counter() - start
            store.put_record(record_key(facts, job.key), _record(facts, score, seconds))
    return scores


def _score(facts: MetricFacts, metric: Metric, view: CellView) -> Score:
    try:
        result = metric.score(view)
    except Exception as error:
        return Score("failed", reason=f"metric {facts.label}: {reason_of(error)}")
    if isinstance(result, Unscored):
        return Score("skipped", reason=result.reason)
    value = float(result)
    low, high = facts.bounds
    if not math.isfinite(value):
        return Score("failed", reason=f"metric {facts.label} returned {value}")
    if not low - BOUND_SLACK <= value <= high + BOUND_SLACK:
        return Score("failed", reason=f"metric {facts.label} returned {value:g}, not within [{low:g}, {high:g}]")
    return Score("ok", value)


def _record(facts: MetricFacts, score: Score, seconds: float) -> dict[str, Any]:
    return {
        "stage": "score",
        "plugin": f"{facts.name}@{facts.version}",
        "source": facts.source,
        "status": score.status,
        "value": score.value,
        "reason": score.reason,
        "seconds": seconds,
    }
