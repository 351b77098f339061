"""Jobs: one photo's step each. A job names its inputs by key, so it can run anywhere that sees the store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from antibench.components import Component, MetricFacts, ModelFacts, PurificationFacts, World
from antibench.keys import KEY_SCHEMA

STAGES = ("reference", "protect", "purify", "generate", "score")


@dataclass(frozen=True, slots=True)
class Source:
    """What a surrogate gives a protection: keys of its clips of the clean photo, and of the unrelated photo."""

    model: ModelFacts | None
    references: tuple[str, ...]
    target_photo: str

    @property
    def identity(self) -> dict[str, Any]:
        """What it adds to a key."""
        digest = self.model.digest if self.model else None
        return {"surrogate": digest, "references": self.references, "target_photo": self.target_photo}


@dataclass(frozen=True, slots=True)
class ProtectJob:
    """Protect one photo."""

    stage: ClassVar[str] = "protect"
    key: str
    plugin: Component
    surrogate: ModelFacts | None
    photo: str
    references: tuple[str, ...]
    target_photo: str
    caption: str
    budget: int
    others: tuple[Source, ...] = ()
    """Of the models of an ensemble after the first, whose own are the fields above."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Keys of the artifacts it reads."""
        more = (key for other in self.others for key in (*other.references, other.target_photo))
        return (self.photo, *self.references, self.target_photo, *more)


@dataclass(frozen=True, slots=True)
class PurifyJob:
    """Purify one photo."""

    stage: ClassVar[str] = "purify"
    key: str
    plugin: PurificationFacts
    strength: float
    image: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """Keys of the artifacts it reads."""
        return (self.image,)


@dataclass(frozen=True, slots=True)
class GenerateJob:
    """Animate one photo."""

    key: str
    model: ModelFacts
    image: str
    prompt: str
    seed: int
    stage: str = "generate"
    """"reference" if a protection is given the clip."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Keys of the artifacts it reads."""
        return (self.image,)


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """Score one view with several metrics, which share what they find in it."""

    stage: ClassVar[str] = "score"
    key: str
    """Key of the view; each metric's value has its own, see `record_key`."""
    metrics: tuple[MetricFacts, ...]
    photo: str
    protected: str
    seen: str
    video: str | None
    clean_video: str | None
    caption: str
    budget: int
    world: World

    @property
    def inputs(self) -> tuple[str, ...]:
        """Keys of the artifacts it reads."""
        keys = (self.photo, self.protected, self.seen, self.video, self.clean_video)
        return tuple(dict.fromkeys(key for key in keys if key is not None))


Job: TypeAlias = ProtectJob | PurifyJob | GenerateJob | ScoreJob


def record_key(metric: MetricFacts, view: str) -> str:
    """Key of one metric's value for one view."""
    return hashlib.sha256(f"{KEY_SCHEMA}|score|{metric.digest}|{view}".encode()).hexdigest()
