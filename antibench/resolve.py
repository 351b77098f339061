"""From names to facts: look up every plugin of a suite and check what it is asked to do."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from antibench import registry
from antibench.components import (
    AnyPurification,
    Component,
    CompositionFacts,
    EnsembleFacts,
    EOTFacts,
    MetricFacts,
    ModelFacts,
    ProtectionFacts,
    PurificationFacts,
    Resolved,
)
from antibench.errors import UserError, closest, reason_of
from antibench.expression import Chain, Ensemble, Part, is_expression
from antibench.keys import sha256_of
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
    known = {choice.shown: _model(choice, local) for choice in suite.model_choices}
    purifications = tuple(purification(choice, local) for choice in suite.purifications)
    _check_distinct(purifications)
    return Resolved(
        suite=suite.as_dict(),
        dataset=component("datasets", suite.dataset),
        protections=tuple(_protection(choice, known) for choice in suite.scored_protections),
        purifications=purifications,
        models=tuple(_model(choice, local) for choice in suite.models),
        surrogates=tuple(_model(choice, local) for choice in suite.surrogate_choices),
        metrics=metrics,
        precision=precision,
    )


def check_names(suite: Suite) -> None:
    """Fail on an unknown name before anything heavy is imported."""
    for kind, choices in (
        ("datasets", (suite.dataset,)),
        ("models", suite.model_choices),
        ("protections", suite.scored_protections),
        ("purifications", suite.purifications),
        ("metrics", suite.metrics),
    ):
        for choice in choices:
            for name in choice.names:
                registry.ALL[kind].find(name)
    for protection in suite.scored_protections:
        for name in protection.through:
            registry.PURIFICATIONS.find(name)


def component(kind: str, choice: Choice) -> Component:
    """The plain facts of a plugin."""
    return Component(**_base(kind, choice))


def instance(item: Component) -> Any:
    """The plugin that a component describes; a protection with its modifiers."""
    plugin = registry.ALL[item.kind].create(f"{item.name}@{item.version}", item.params)
    if isinstance(item, ProtectionFacts) and (item.eot or item.ensemble):
        from antibench.perturb.modified import Modified  # imports torch

        return Modified(plugin, item.label, eot=_eot(item.eot) if item.eot else None, ensemble=bool(item.ensemble))
    return plugin


def _eot(facts: EOTFacts) -> Any:
    from antibench.perturb.eot import EOT

    choices = (tuple((instance(part), part.strengths) for part in item.parts) for item in facts.choices)
    return EOT(tuple(choices), facts.identity)


def _base(kind: str, choice: Choice, name: str = "") -> dict[str, Any]:
    plugin = registry.ALL[kind].create(name or choice.name, choice.params)
    cls = type(plugin)
    return {
        "kind": kind,
        "label": choice.shown,
        "name": cls.name,
        "version": cls.version,
        "params": registry.resolved_params(plugin),
        "source": registry.source_hash(cls),
    }


def modified_protection(choice: ProtectionChoice) -> ProtectionFacts:
    """The facts of a protection that belongs to no suite.

    Raises:
        UserError: for an unknown name, a parameter that it does not have, or a purification without a twin.
    """
    ensemble = choice.expression.ensemble
    return _protection(choice, {name: _model(Choice(name=name), {}) for name in ensemble.models} if ensemble else {})


def _protection(choice: ProtectionChoice, known: dict[str, ModelFacts]) -> ProtectionFacts:
    """`known` are the suite's models by label. A protection may name others that are registered: a run of fewer models
    than the suite has leaves out what is made on the others, and a misspelt one is an error."""
    expression = choice.expression
    cls = registry.PROTECTIONS.load(expression.name)
    if choice.surrogates is not None and not cls.needs:
        raise UserError(f"protection {choice.shown!r} is made on no model; leave out its `surrogates`")
    labels = [*known, *(entry.name for entry in registry.MODELS.entries())]
    for label in choice.surrogates or ():
        if label not in labels:
            raise UserError(f"protection {choice.shown!r}: no surrogate is called {label!r}{closest(label, labels)}")
    if expression.modifiers and not cls.needs:
        raise UserError(
            f"protection {choice.name!r}: {cls.name} is made on no model, follows no gradient and so takes no modifier"
        )
    facts = _base("protections", choice, expression.name)
    own = tuple(getattr(cls, "trains_through", ()))
    eot = _eot_facts(choice) if expression.eot else None
    if eot is not None:
        facts["source"] = sha256_of([facts["source"], eot.source])[:16]
    return ProtectionFacts(
        **facts,
        needs=frozenset(cls.needs),
        role=cls.role,
        surrogates=choice.surrogates,
        eot=eot,
        ensemble=_ensemble(expression.ensemble, known) if expression.ensemble else None,
        through=own + tuple(part.name for item in (eot.choices if eot else ()) for part in item.parts),
    )


def _eot_facts(choice: ProtectionChoice) -> EOTFacts:
    """What a protection is made through.

    Raises:
        UserError: for a purification without a differentiable twin; those that have one are listed.
    """
    from antibench.perturb.eot import EOT, VERSION

    eot = choice.expression.eot
    assert eot is not None
    choices = tuple(_composition(chain, None, {}) for chain in eot.chains)
    parts = [part for item in choices for part in item.parts]
    for part in parts:
        plugin = instance(part)
        for strength in part.strengths:
            if not _has_twin(plugin, strength, choice.name):
                raise UserError(
                    f"protection {choice.name!r}: {part.name} has no differentiable twin, so no gradient passes "
                    f"through it (those that have one: {', '.join(with_twins())})"
                )
    return EOTFacts(
        choices, eot.identity, VERSION, sha256_of([registry.source_hash(EOT), *(part.source for part in parts)])
    )


def _ensemble(ensemble: Ensemble, known: dict[str, ModelFacts]) -> EnsembleFacts:
    members = tuple(known[name if name in known else name.partition("@")[0]] for name in ensemble.models)
    return EnsembleFacts(
        kind="models",
        label="+".join(model.label for model in members),
        name="ensemble",
        version=1,
        size=members[0].size,
        gives=frozenset.intersection(*(model.gives for model in members)),
        world="small" if all(model.world == "small" for model in members) else "real",
        models=members,
    )


def with_twins() -> list[str]:
    """Names of the registered purifications that have a differentiable twin."""
    found = []
    for entry in registry.PURIFICATIONS.entries():
        with contextlib.suppress(UserError):  # one that cannot be asked, for want of weights, is of no use either
            plugin = registry.PURIFICATIONS.create(entry.name)
            strengths = getattr(plugin, "grid", ())  # a plugin that lacks its own must not cost this message
            if strengths and _has_twin(plugin, strengths[0], entry.name):
                found.append(entry.name)
    return found


def _has_twin(plugin: Any, strength: float, named: str) -> bool:
    """Whether a purification has a differentiable twin: it is asked for that of a small grey photo."""
    import torch

    grey = torch.full((1, 3, 16, 16), 0.5)
    try:
        return plugin.twin(grey, strength=strength, generator=torch.Generator().manual_seed(0)) is not None
    except Exception as error:
        raise UserError(f"{named!r}: the twin of {plugin.name} fails: {reason_of(error)}") from error


def purification(choice: PurificationChoice, weights: Mapping[str, str] | None = None) -> AnyPurification:
    """The facts of a purification or a composition; `weights` are digests of local weights by label, or by part.

    Raises:
        UserError: for an unknown name, a parameter that a part does not have, or strengths that are none.
    """
    if not is_expression(choice.name):
        return _part(Part(choice.name), choice.strengths, choice.params, choice.shown, weights or {})
    return _composition(choice.chain, choice.strengths, choice.params, choice.label, weights or {})


def _composition(
    chain: Chain,
    strengths: tuple[float, ...] | None,
    params: dict[str, Any],
    label: str = "",
    weights: Mapping[str, str] | None = None,
) -> CompositionFacts:
    """`strengths` are for the one part that names none."""
    parts = []
    for part in chain.parts:
        given = strengths if part.strength is None else (part.strength,)
        shown = Part(part.name, None, part.params).shown(None)
        parts.append(_part(part, given, {**part.params, **params}, shown, weights or {}))
    return CompositionFacts(chain, tuple(parts), label)


def _part(
    part: Part, given: tuple[float, ...] | None, params: dict[str, Any], label: str, weights: Mapping[str, str]
) -> PurificationFacts:
    plugin = registry.PURIFICATIONS.create(part.name, params)
    cls = type(plugin)
    strengths = tuple(cls.grid if given is None else given)
    if not strengths or len(set(strengths)) < len(strengths):
        raise UserError(f"purification {label!r}: strengths must hold at least one number and none twice")
    return PurificationFacts(
        kind="purifications",
        label=label,
        name=cls.name,
        version=cls.version,
        params=registry.resolved_params(plugin),
        source=registry.source_hash(cls),
        strengths=strengths,
        backend=cls.backend,
        learned=hasattr(cls, "local_files"),
        weights=weights.get(label) or weights.get(part.name, ""),
    )


def _check_distinct(purifications: tuple[AnyPurification, ...]) -> None:
    labels = [treatment.label for item in purifications for treatment in item.treatments]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise UserError(f"purification {twice!r} is there twice; give one of them another `label`, or leave it out")


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
