"""Facts of the plugins of a suite that planning needs, as plain data: no plugin, no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from antibench.keys import canonical_json, sha256_of

World = Literal["small", "real"]
Scope = Literal["video", "photo", "fidelity"]


@dataclass(frozen=True)
class Component:
    """A plugin with its parameters resolved. Its `digest` stands for it in keys; label and source do not count."""

    kind: str
    """Key of `antibench.registry.ALL`."""
    label: str
    name: str
    version: int
    params: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    """Hash of the file it is written in."""

    @property
    def identity(self) -> dict[str, Any]:
        """What makes it this component."""
        return {"kind": self.kind, "name": self.name, "version": self.version, "params": self.params}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the identity."""
        return sha256_of(self.identity)


@dataclass(frozen=True)
class ProtectionFacts(Component):
    """A protection or control."""

    needs: frozenset[str] = frozenset()
    role: Literal["protection", "control", "degenerate"] = "protection"
    surrogates: tuple[str, ...] | None = None
    """Labels of the models it is made on; None means all surrogates of the suite."""


@dataclass(frozen=True)
class PurificationFacts(Component):
    """A purification with the strengths to run."""

    strengths: tuple[float, ...] = ()
    backend: str = ""
    learned: bool = False
    """Whether it computes where the harness says, so that its results are of a class of device."""
    weights: str = ""
    """Digest of local weights; empty for those of the hub or embedded ones."""

    @property
    def identity(self) -> dict[str, Any]:
        """What makes it this component: local weights are not those of the hub, whatever they hold."""
        return {**super().identity, "weights": self.weights} if self.weights else super().identity

    def shown(self, strength: float) -> str:
        """Label in a cell: ``jpeg(75)``."""
        return f"{self.label}({canonical_json(strength)})"


@dataclass(frozen=True)
class ModelFacts(Component):
    """A video model."""

    size: tuple[int, int] = (64, 64)
    gives: frozenset[str] = frozenset()
    world: World = "real"
    gate: str = "not-applicable"
    weights: str = ""
    """Digest of local weights; empty for those that the card pins or that are embedded."""

    @property
    def identity(self) -> dict[str, Any]:
        """What makes it this component: local weights are not those of the card, whatever they hold."""
        return {**super().identity, "weights": self.weights} if self.weights else super().identity


@dataclass(frozen=True)
class MetricFacts(Component):
    """A metric."""

    scope: Scope = "video"
    protects_when: str = "lower"
    bounds: tuple[float, float] = (0.0, 1.0)
    photo_twin: str | None = None


@dataclass(frozen=True)
class CaseFacts:
    """What planning knows of a case once the dataset was read; a broken one has a reason instead of a hash."""

    id: str
    sha256: str = ""
    caption: str = ""
    broken: str | None = None


@dataclass(frozen=True)
class Resolved:
    """A suite with every name looked up."""

    suite: dict[str, Any]
    """The effective suite as JSON types."""
    dataset: Component
    protections: tuple[ProtectionFacts, ...]
    purifications: tuple[PurificationFacts, ...]
    models: tuple[ModelFacts, ...]
    surrogates: tuple[ModelFacts, ...]
    metrics: tuple[MetricFacts, ...]
    precision: str = "cpu"
    """Class of device that computes ("cpu" or "cuda"): results of one are not taken for those of the other."""

    @property
    def components(self) -> list[Component]:
        """Every component once."""
        everything = (
            self.dataset,
            *self.protections,
            *self.purifications,
            *self.models,
            *self.surrogates,
            *self.metrics,
        )
        return list({item.digest: item for item in everything}.values())

    @property
    def local_weights(self) -> dict[str, str]:
        """Digests of the local weights, by label of the model or purification that has them."""
        able: tuple[ModelFacts | PurificationFacts, ...] = (*self.models, *self.surrogates, *self.purifications)
        return {item.label: item.weights for item in able if item.weights}
