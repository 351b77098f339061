"""From names to facts: look up every plugin of a suite and check what it is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from antibench import registry
from antibench.components import Component, MetricFacts, ModelFacts, ProtectionFacts, PurificationFacts, Resolved
from antibench.errors import UserError, closest
from antibench.suite import Choice, ProtectionChoice, PurificationChoice, Suite


def resolve(suite: Suite, precision: str = "cpu", weights: Mapping[str, str] | None = None) -> Resolved:
    """Look up the plugins of a suite. Loads their classes, so torch too where they use it; loads no weights.

    Args:
        suite: The suite.
        precision: Class of device that computes.
        weights: Digests of local weights by label of their model or purification.

    Raises:
        UserError: for an unknown name, a parameter that a plugin does not have, or a strength that is not a number.
    """
    check_names(suite)
    local = weights or {}
    metrics = _metrics(suite)
    headline = next(metric for metric in metrics if metric.label == suite.headline)
    if headline.scope != "video":
        raise UserError(f"headline {suite.headline!r} looks at {headline.scope}, not at videos; name another metric")
    models = [choice.shown for choice in suite.models + suite.surrogate_choices] + [
        entry.name for entry in registry.MODELS.entries()
    ]
    return Resolved(
        suite=suite.as_dict(),
        dataset=component("datasets", suite.dataset),
        protections=tuple(_protection(choice, models) for choice in suite.scored_protections),
        purifications=tuple(_purification(choice, local) for choice in suite.purifications),
        models=tuple(_model(choice, local) for choice in suite.models),
        surrogates=tuple(_model(choice, local) for choice in suite.surrogate_choices),
        metrics=metrics,
        precision=precision,
    )


def check_names(suite: Suite) -> None:
    """Fail on an unknown name before anything heavy is imported."""
    for kind, choices in (
        ("datasets", (suite.dataset,)),
        ("models", suite.models + suite.surrogate_choices),
        ("protections", suite.scored_protections),
        ("purifications", suite.purifications),
        ("metrics", suite.metrics),
    ):
        for choice in choices:
            registry.ALL[kind].find(choice.name)


def component(kind: str, choice: Choice) -> Component:
    """The plain facts of a plugin."""
    return Component(**_base(kind, choice))


def instance(item: Component) -> Any:
    """The plugin that a component describes."""
    return registry.ALL[item.kind].create(f"{item.name}@{item.version}", item.params)


def _base(kind: str, choice: Choice) -> dict[str, Any]:
    plugin = registry.ALL[kind].create(choice.name, choice.params)
    cls = type(plugin)
    return {
        "kind": kind,
        "label": choice.shown,
        "name": cls.name,
        "version": cls.version,
        "params": registry.resolved_params(plugin),
        "source": registry.source_hash(cls),
    }


def _protection(choice: ProtectionChoice, known: list[str]) -> ProtectionFacts:
    """`known` are the labels of the suite's models and the registered names: a run of fewer models than the suite has
    leaves out what is made on the others, and a misspelt one is an error."""
    cls = registry.PROTECTIONS.load(choice.name)
    if choice.surrogates is not None and not cls.needs:
        raise UserError(f"protection {choice.shown!r} is made on no model; leave out its `surrogates`")
    for label in choice.surrogates or ():
        if label not in known:
            raise UserError(f"protection {choice.shown!r}: no surrogate is called {label!r}{closest(label, known)}")
    facts = _base("protections", choice)
    return ProtectionFacts(**facts, needs=frozenset(cls.needs), role=cls.role, surrogates=choice.surrogates)


def _purification(choice: PurificationChoice, weights: Mapping[str, str]) -> PurificationFacts:
    cls = registry.PURIFICATIONS.load(choice.name)
    strengths = tuple(cls.grid if choice.strengths is None else choice.strengths)
    if not strengths or len(set(strengths)) < len(strengths):
        raise UserError(f"purification {choice.shown!r}: strengths must hold at least one number and none twice")
    return PurificationFacts(
        **_base("purifications", choice),
        strengths=strengths,
        backend=cls.backend,
        learned=hasattr(cls, "local_files"),
        weights=weights.get(choice.shown, ""),
    )


def _model(choice: Choice, weights: Mapping[str, str]) -> ModelFacts:
    cls = registry.MODELS.load(choice.name)
    return ModelFacts(
        **_base("models", choice),
        size=tuple(cls.size),
        gives=frozenset(cls.gives),
        world=cls.card.world,
        gate=cls.card.gate,
        weights=weights.get(choice.shown, ""),
    )


def _metrics(suite: Suite) -> tuple[MetricFacts, ...]:
    """The suite's metrics, then the photo twins that the excess column needs and the suite does not list."""
    found = [_metric(choice) for choice in suite.metrics]
    for item in list(found):
        if item.photo_twin and item.photo_twin not in {metric.name for metric in found}:
            found.append(_metric(Choice(name=item.photo_twin)))
    return tuple(found)


def _metric(choice: Choice) -> MetricFacts:
    cls = registry.METRICS.load(choice.name)
    return MetricFacts(
        **_base("metrics", choice),
        scope=cls.scope,
        protects_when=cls.protects_when,
        bounds=(float(cls.bounds[0]), float(cls.bounds[1])),
        photo_twin=cls.photo_twin,
    )
