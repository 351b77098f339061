"""The cards of all that a run used: protections, purifications, metrics and models, with their citations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from antibench.errors import UserError, reason_of
from antibench.expression import is_expression, parse_purification
from antibench.registry import ALL
from antibench.report.card import facts
from antibench.report.html.reading import Reported, without_paths
from antibench.report.html.slugs import Slugs
from antibench.suite_file import validated

KINDS = ("protections", "purifications", "metrics", "models")


@dataclass(frozen=True)
class Method:
    """One registered thing that a run used.

    Attributes:
        id: Unique in the page.
        name: With the version that the run used, where it is known.
        labels: What the run calls it, and with which parameters where they are known.
        title: Of its card; what is known instead, if this installation does not have it.
        facts: (heading, lines) of its card.
        citation: BibTeX, or empty.
    """

    id: str
    kind: str
    name: str
    labels: Sequence[str]
    title: str
    facts: Sequence[tuple[str, Sequence[str]]]
    citation: str


def methods(run: Reported) -> list[Method]:
    """A card for each thing of a run, in the order of `KINDS`, then of the run."""
    slugs = Slugs()
    used = _used(run)
    return [
        _method(slugs.of("card", kind, name), kind, name, versions, labels)
        for kind in KINDS
        for (name, versions), labels in used[kind].items()
    ]


Cards = dict[tuple[str, str], list[str]]
"""(kind, label in the run) -> ids of its cards: a composition has one for each part."""


def cards_of(run: Reported, found: Sequence[Method]) -> Cards:
    """The cards of the run's protections, purifications and metrics."""
    by_name = {item.name.partition("@")[0]: item.id for item in found if item.kind == "protections"}
    cards: Cards = {
        ("protections", item["label"]): [by_name[item["name"]]]
        for item in run.header["protections"]
        if item["name"] in by_name
    }
    for item in found:
        if item.kind in ("purifications", "metrics"):
            for label in item.labels:
                cards.setdefault((item.kind, label), []).append(item.id)
    return cards


Used = dict[tuple[str, int | None], list[str]]
"""(name, version) -> labels."""


def _used(run: Reported) -> dict[str, Used]:
    found: dict[str, Used] = {kind: {} for kind in KINDS}

    def add(kind: str, name: str, version: int | None, label: str) -> None:
        key = (name.partition("@")[0], version)
        labels = found[kind].setdefault(key, [])
        if label and label not in labels:
            labels.append(label)

    for item in run.header["protections"]:
        add("protections", item["name"], item["version"], _with_params(item))
    for name, label in _purifications(run):
        add("purifications", name, None, label)
    for item in run.header["metrics"]:
        add("metrics", _registered("metrics", run, item["name"]), item["version"], item["name"])
    for item in run.header["models"]:
        add("models", _registered("models", run, item["name"]), item["version"], item["name"])
    return found


def _with_params(item: Mapping[str, Any]) -> str:
    params = ", ".join(f"{key}={value!r}" for key, value in item["params"].items())
    return f"{item['label']}: {params}" if params else str(item["label"])


def _purifications(run: Reported) -> list[tuple[str, str]]:
    """(name, label in the run) of every purification, also those that a protection is made through."""
    shown = [str(label) for label in run.header["purifications"] if label != "none"]
    try:
        suite = validated(dict(run.plan["suite"]))
    except (KeyError, TypeError, UserError):
        return [(name, label) for label in shown for name in _names_in(label)]
    found = []
    for choice in suite.purifications:
        labels = [label for label in shown if label == choice.shown or label.startswith(f"{choice.shown}(")]
        found += [(name, label) for name in choice.names for label in labels or [choice.shown]]
    for protection in suite.scored_protections:
        found += [(name, f"{protection.shown} is made through it") for name in protection.through]
    return found


def _names_in(label: str) -> list[str]:
    """The registered names in a label that is nobody's own."""
    try:
        return [part.name for part in parse_purification(label).parts] if is_expression(label) else [label]
    except UserError:
        return [label]


def _registered(kind: str, run: Reported, label: str) -> str:
    """The name behind a label of the suite; the label itself where that is not known."""
    choices = run.plan.get("suite", {}).get(kind, [])
    for item in choices:
        if isinstance(item, dict) and item.get("label") == label:
            return str(item["name"])
    return label


def _method(id_: str, kind: str, name: str, version: int | None, labels: Sequence[str]) -> Method:
    wanted = name if version is None else f"{name}@{version}"
    try:
        entry = ALL[kind].find(name)
        cls = ALL[kind].load(name)
    except UserError as error:
        return Method(id_, kind, wanted, labels, f"Not known to this installation: {error}", [], "")
    except Exception as error:  # a plugin of whatever kind that does not import here must not cost the page
        told = without_paths(reason_of(error))
        return Method(id_, kind, wanted, labels, f"Its card cannot be read here: {told}", [], "")
    title = str(cls.card.title)
    if version is not None and entry.version != version:
        title += f" (the card is of version {entry.version}; the run used version {version})"
    told_facts = [(heading, [without_paths(line) for line in lines]) for heading, lines in facts(cls)]
    return Method(id_, kind, wanted, labels, title, told_facts, str(cls.card.citation))
