"""Facts of the plugins of a suite that planning needs, as plain data: no plugin, no torch."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

from antibench.expression import Chain
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
class Treatment:
    """What happens to a photo before it is animated: one purification at one strength, or several in turn."""

    label: str
    """Label in a cell: ``jpeg(75)``, ``jpeg(75)>resize(0.5)``."""
    steps: tuple[tuple[PurificationFacts, float], ...]

    @cached_property
    def key(self) -> list[Any]:
        """What stands for it in a cell's id: digest and strength of its purification, or of each."""
        pairs: list[Any] = [[item.digest, strength] for item, strength in self.steps]
        return pairs if len(pairs) > 1 else list(pairs[0])


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

    @property
    def parts(self) -> tuple[PurificationFacts, ...]:
        """Itself."""
        return (self,)

    @property
    def treatments(self) -> tuple[Treatment, ...]:
        """One for each strength."""
        return tuple(Treatment(self.shown(strength), ((self, strength),)) for strength in self.strengths)


@dataclass(frozen=True)
class CompositionFacts:
    """Purifications written as an expression: applied from left to right, with 8-bit pixels between."""

    chain: Chain
    parts: tuple[PurificationFacts, ...]
    """Each with the strengths to run: the one that the expression gives it, or several."""
    label: str = ""
    """Label that the suite gives it; empty for the expression itself."""

    @property
    def treatments(self) -> tuple[Treatment, ...]:
        """One for each choice of a strength for each part."""
        chosen = itertools.product(*(part.strengths for part in self.parts))
        return tuple(Treatment(self._shown(strengths), self._steps(strengths)) for strengths in chosen)

    @property
    def identity(self) -> list[Any]:
        """What makes it this composition, where its strengths are drawn from: as in `eot`."""
        return [{**part.identity, "strengths": part.strengths} for part in self.parts]

    def _steps(self, strengths: tuple[float, ...]) -> tuple[tuple[PurificationFacts, float], ...]:
        return tuple(zip(self.parts, strengths, strict=True))

    def _shown(self, strengths: tuple[float, ...]) -> str:
        if not self.label:
            return self.chain.shown(list(strengths))
        written = zip(self.chain.parts, strengths, strict=True)
        open_ones = [canonical_json(strength) for part, strength in written if part.strength is None]
        return f"{self.label}({','.join(open_ones)})" if open_ones else self.label


AnyPurification: TypeAlias = PurificationFacts | CompositionFacts


@dataclass(frozen=True)
class EOTFacts:
    """Purifications that a protection is made through, one drawn at each step."""

    choices: tuple[CompositionFacts, ...]
    identity: bool
    version: int
    source: str = ""


@dataclass(frozen=True)
class ProtectionFacts(Component):
    """A protection or control."""

    needs: frozenset[str] = frozenset()
    role: Literal["protection", "control", "degenerate"] = "protection"
    surrogates: tuple[str, ...] | None = None
    """Labels of the models it is made on; None means all surrogates of the suite."""
    eot: EOTFacts | None = None
    ensemble: EnsembleFacts | None = None
    """Models it is made on all at once."""
    through: tuple[str, ...] = ()
    """Names of the purifications that it is made through, by `eot` or of its own accord."""

    @property
    def identity(self) -> dict[str, Any]:
        """What makes it this component; the models of an ensemble are its surrogate's."""
        if self.eot is None:
            return super().identity
        drawn = {"choices": [item.identity for item in self.eot.choices], "identity": self.eot.identity}
        return {**super().identity, "eot": {**drawn, "version": self.eot.version}}

    def adaptive(self, treatment: Treatment) -> bool:
        """Whether it is made through every purification of a treatment."""
        return all(item.name in self.through for item, _ in treatment.steps)


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

    @property
    def members(self) -> tuple[ModelFacts, ...]:
        """Itself."""
        return (self,)


@dataclass(frozen=True)
class EnsembleFacts(ModelFacts):
    """Several surrogates as one: `size` is the first one's, `gives` what all give."""

    models: tuple[ModelFacts, ...] = ()

    @property
    def identity(self) -> dict[str, Any]:
        """Its models, in order."""
        return {**super().identity, "models": [model.identity for model in self.models]}

    @property
    def members(self) -> tuple[ModelFacts, ...]:
        """Its models."""
        return self.models


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
    purifications: tuple[AnyPurification, ...]
    models: tuple[ModelFacts, ...]
    surrogates: tuple[ModelFacts, ...]
    metrics: tuple[MetricFacts, ...]
    precision: str = "cpu"
    """Class of device that computes ("cpu" or "cuda"): results of one are not taken for those of the other."""

    @property
    def treatments(self) -> list[Treatment]:
        """Everything that photos go through besides nothing, in order."""
        return [treatment for item in self.purifications for treatment in item.treatments]

    @property
    def parts(self) -> list[PurificationFacts]:
        """Every purification once, those that protections are made through included."""
        drawn = [choice for item in self.protections if item.eot for choice in item.eot.choices]
        found = [part for item in (*self.purifications, *drawn) for part in item.parts]
        return list({part.digest: part for part in found}.values())

    @property
    def every_model(self) -> list[ModelFacts]:
        """Every model once by its label: targets, surrogates and what ensembles name besides."""
        ensembles = [model for item in self.protections if item.ensemble for model in item.ensemble.models]
        found = {model.label: model for model in (*self.models, *self.surrogates)}
        return [
            *found.values(),
            *(model for label, model in {m.label: m for m in ensembles}.items() if label not in found),
        ]

    @property
    def components(self) -> list[Component]:
        """Every component once."""
        everything = (
            self.dataset,
            *self.protections,
            *self.parts,
            *self.models,
            *self.surrogates,
            *self.every_model,
            *self.metrics,
        )
        return list({item.digest: item for item in everything}.values())

    @property
    def local_weights(self) -> dict[str, str]:
        """Digests of the local weights, by label of the model or purification that has them."""
        able: tuple[ModelFacts | PurificationFacts, ...] = (*self.every_model, *self.parts)
        return {item.label: item.weights for item in able if item.weights}
