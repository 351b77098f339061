"""Protections with modifiers in suites: resolved, keyed by what they are made through and on, run and flagged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from fake_runs import RunFake, fake_suite, lines_of, resolved_fake

from antibench.components import CaseFacts, ProtectionFacts, Resolved
from antibench.contracts import Card
from antibench.errors import UserError
from antibench.graph import Graph, build_graph, photo_key
from antibench.jobs import GenerateJob, ProtectJob
from antibench.plan import plan_cells
from antibench.provenance import fingerprint
from antibench.registry import PURIFICATIONS
from antibench.report import render
from antibench.resolve import instance
from antibench.suite_options import only
from antibench.testing.expression_contract import checks_of_purification

CASES = [CaseFacts("c0", "0" * 64, "caption")]
TWO = 'models=["fake-shift",{name="fake-shift",label="other",noise=5}]'


def protected_by(*items: str | dict[str, Any], models: str = 'models=["fake-shift"]') -> Resolved:
    def apply(raw: dict[str, Any]) -> None:
        raw["protections"] = list(items)

    return resolved_fake(models, overrides=(apply,))


def first(*items: str | dict[str, Any], **options: Any) -> ProtectionFacts:
    return protected_by(*items, **options).protections[0]


def graph_of(resolved: Resolved) -> Graph:
    return build_graph(resolved, plan_cells(resolved, ["c0"]), CASES, "f" * 64)


def test_the_expression_is_the_label_and_parameters_are_the_protections_own() -> None:
    facts = first({"name": "fake-descent + eot( jpeg(75), resize )", "steps": 5})
    assert (facts.label, facts.name, facts.params) == (
        "fake-descent+eot(jpeg(75),resize)",
        "fake-descent",
        {"steps": 5},
    )
    plugin = instance(facts)
    assert plugin.protection.steps == 5
    assert [[(part.name, strengths) for part, strengths in choice] for choice in plugin.eot.choices] == [
        [("jpeg", (75,))],
        [("resize", (0.75, 0.5, 0.25))],  # the purification's own grid
    ]
    assert plugin.eot.identity
    assert not instance(first("fake-descent+eot(jpeg,identity=false)")).eot.identity


def test_a_plain_protection_keeps_the_digest_it_had() -> None:
    plain = first("fake-descent")
    assert plain.identity == {"kind": "protections", "name": "fake-descent", "version": 1, "params": {"steps": 2}}
    assert plain.digest == first({"name": "fake-descent", "label": "x"}).digest


def test_everything_a_protection_is_made_through_is_in_its_digest() -> None:
    names = [
        "fake-descent",
        "fake-descent+eot(jpeg)",
        "fake-descent+eot(jpeg(75))",
        "fake-descent+eot(jpeg(75,subsampling=4:4:4))",
        "fake-descent+eot(jpeg(75),identity=false)",
        "fake-descent+eot(jpeg(75),resize(0.5))",
        "fake-descent+eot(jpeg(75)>resize(0.5))",
    ]
    digests = [first(name).digest for name in names]
    assert len(set(digests)) == len(names)
    assert first("fake-descent+eot(jpeg(75.0))").digest == digests[2]


def test_a_purification_without_a_twin_is_refused_and_those_with_one_are_listed() -> None:
    with pytest.raises(UserError) as caught:
        first("fake-descent+eot(jpeg,jpeg(75)>fake-grain(1))")
    message = str(caught.value)
    assert "fake-grain has no differentiable twin" in message
    assert {"jpeg", "resize", "gaussian-blur"} <= set(message.partition("have one: ")[2].rstrip(")").split(", "))
    assert "fake-grain" not in message.partition("have one: ")[2]


def test_a_purification_that_lacks_its_strengths_does_not_cost_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PURIFICATIONS, "_entries", dict(PURIFICATIONS._entries))
    monkeypatch.setattr(PURIFICATIONS, "_objects", dict(PURIFICATIONS._objects))

    @PURIFICATIONS.register
    @dataclass(frozen=True)
    class Gridless:
        name: ClassVar[str] = "gridless"
        version: ClassVar[int] = 1
        card: ClassVar[Card] = Card("without strengths")

    with pytest.raises(UserError, match="fake-grain has no differentiable twin") as caught:
        first("fake-descent+eot(fake-grain(1))")
    assert "gridless" not in str(caught.value)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("fake-descent+eot(jpgg)", "unknown purification 'jpgg'; did you mean jpeg?"),
        ("fake-decent+eot(jpeg)", "unknown protection 'fake-decent'; did you mean fake-descent"),
        ("fake-descent+ensemble(fake-shitf)", "unknown video model 'fake-shitf'; did you mean fake-shift"),
        ("random-sign+eot(jpeg)", "random-sign is made on no model, follows no gradient"),
        ("fake-descent+eto(jpeg)", "key protections.0: protection 'fake-descent+eto(jpeg)': unknown modifier 'eto'"),
        ("fake-descent+eot(jpeg(101))", "the twin of jpeg fails"),
        (
            {"name": "fake-descent+ensemble(fake-shift)", "surrogates": ["fake-shift"]},
            "the ensemble says what it is made on; leave out `surrogates`",
        ),
        ({"name": "fake-descent+eot(jpeg)", "stepz": 1}, "has no parameter 'stepz'; did you mean 'steps'?"),
    ],
)
def test_what_is_wrong_is_told(item: str | dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        first(item)
    assert message in str(caught.value)


def test_an_ensemble_is_one_surrogate_made_of_all() -> None:
    resolved = protected_by("fake-descent+ensemble(other,fake-shift)", models=TWO)
    cells = plan_cells(resolved, ["c0"])
    own = [cell for cell in cells if cell.protection.startswith("fake-descent")]
    assert {cell.surrogate for cell in own} == {"other+fake-shift"}
    assert {cell.target for cell in own if cell.scope == "video"} == {"fake-shift", "other"}
    (job,) = (job for job in graph_of(resolved).jobs.values() if isinstance(job, ProtectJob) and job.surrogate)
    assert [model.params["noise"] for model in job.surrogate.members] == [5, 2]  # a label means the suite's own model
    assert [source.model.label for source in job.others if source.model] == ["fake-shift"]


def test_each_model_of_an_ensemble_gives_its_own_clips_at_its_own_size() -> None:
    resolved = protected_by("fake-descent+ensemble(fake-shift,fake-wide)")
    graph = graph_of(resolved)
    (job,) = (job for job in graph.jobs.values() if isinstance(job, ProtectJob) and job.surrogate)
    clips = [graph.jobs[key] for key in (*job.references, *job.others[0].references)]
    assert all(isinstance(clip, GenerateJob) for clip in clips)
    assert [(clip.model.label, clip.image) for clip in clips if isinstance(clip, GenerateJob)] == [
        ("fake-shift", photo_key("0" * 64, (16, 16))),
        ("fake-wide", photo_key("0" * 64, (12, 18))),
    ]
    assert set(job.inputs) >= {clip.key for clip in clips}
    assert job.photo == photo_key("0" * 64, (16, 16))
    assert job.others[0].target_photo == photo_key("f" * 64, (12, 18))


def test_an_ensemble_of_two_sizes_runs(run_fake: RunFake) -> None:
    """`fake-descent` holds each photo against its model's own clip, and fails where their sizes differ."""

    def apply(raw: dict[str, Any]) -> None:
        raw["protections"] = ["fake-descent+ensemble(fake-shift,fake-wide)"]
        raw["purifications"] = []

    ran = run_fake(overrides=(apply,))
    assert {line["status"] for line in lines_of(ran.folder)} == {"ok"}


def test_an_ensemble_is_skipped_if_one_of_its_models_gives_too_little() -> None:
    graph = graph_of(protected_by("fake-descent+ensemble(fake-shift,fake-blind)"))
    reasons = {ending.reason for ending in graph.endings.values() if ending.status == "skipped"}
    assert any("needs diffusion_loss, which fake-shift+fake-blind does not give" in reason for reason in reasons)


def test_the_models_of_an_ensemble_are_in_its_photos_key() -> None:
    def key(*models: str) -> str:
        resolved = protected_by(f"fake-descent+ensemble({','.join(models)})", models=TWO)
        return next(j.key for j in graph_of(resolved).jobs.values() if isinstance(j, ProtectJob) and j.surrogate)

    assert len({key("fake-shift", "other"), key("other", "fake-shift"), key("fake-shift"), key("other")}) == 4


def test_without_transfer_an_ensemble_meets_the_models_it_is_made_on() -> None:
    def apply(raw: dict[str, Any]) -> None:
        raw["protections"] = ["fake-descent+ensemble(fake-shift,other)"]
        raw["models"] = ["fake-shift", "fake-blind", {"name": "fake-shift", "label": "other", "noise": 5}]
        raw["transfer"] = False

    cells = plan_cells(resolved_fake(overrides=(apply,)), ["c0"])
    assert {c.target for c in cells if c.surrogate and c.target} == {"fake-shift", "other"}


def test_a_run_makes_it_on_all_and_flags_what_it_was_made_through(run_fake: RunFake, tmp_path: Path) -> None:
    expression = "fake-descent+ensemble(fake-shift,other)+eot(jpeg(75),resize(0.5))"

    def apply(raw: dict[str, Any]) -> None:
        raw["protections"] = [expression, "fake-descent"]
        raw["purifications"] = ["jpeg(50)", "gaussian-blur(1)", "resize(0.5)>jpeg(90)", "jpeg(50)>gaussian-blur(1)"]

    ran = run_fake(TWO, overrides=(apply,))
    assert {line["status"] for line in lines_of(ran.folder)} == {"ok"}
    rows = [row for row in ran.summary["rows"] if row["protection"] == expression]
    assert {(row["surrogate"], row["target"], row["transfer"]) for row in rows} == {
        ("fake-shift+other", "fake-shift", False),
        ("fake-shift+other", "other", False),
    }
    # Made through JPEG and resizing, whatever the strength; not through blur, so what blurs is no advantage.
    assert all(row["adaptive"] == ["jpeg(50)", "resize(0.5)>jpeg(90)"] for row in rows)
    plain = [row for row in ran.summary["rows"] if row["protection"] == "fake-descent"]
    assert all(row["adaptive"] == [] for row in plain)
    assert any(row["transfer"] for row in plain)
    text = render(ran.summary, "markdown")
    assert (
        "adaptive: fake-descent+ensemble(fake-shift,other)+eot(jpeg(75),resize(0.5)) was made through jpeg(50)" in text
    )
    header = json.loads((ran.folder / "plan.json").read_text())["header"]
    assert header["protections"][0]["ensemble"] == {"label": "fake-shift+other", "models": ["fake-shift", "other"]}
    again = run_fake(TWO, overrides=(apply,))
    assert again.computed == 0


def test_a_suite_gives_a_modified_protection_the_parameters_of_the_plain_one() -> None:
    named = only("protections", ("fake-descent", "fake-descent+eot(jpeg)", "fake-descent+ensemble(fake-shift)"))

    def before(raw: dict[str, Any]) -> None:
        raw["protections"] = [{"name": "fake-descent", "steps": 7, "surrogates": ["fake-shift"]}]

    plain, eot, ensemble, *_ = fake_suite(overrides=(before, named)).protections
    assert plain.params == eot.params == ensemble.params == {"steps": 7}
    assert (eot.surrogates, ensemble.surrogates) == (("fake-shift",), None)
    assert eot.shown == "fake-descent+eot(jpeg)"


def test_a_changed_file_of_what_a_run_names_anywhere_changes_its_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    def mark() -> str:
        def apply(raw: dict[str, Any]) -> None:
            raw["protections"] = ["fake-descent+eot(resize)"]
            raw["purifications"] = ["jpeg(75)>gaussian-blur(1)"]

        return fingerprint(fake_suite(overrides=(apply,)), "cpu", ())

    before = mark()
    from antibench import provenance

    hashes = provenance._module_hash
    for module in ("resize", "jpeg", "gaussian_blur"):
        monkeypatch.setattr(
            provenance, "_module_hash", lambda target, m=module: "new" if m in target else hashes(target)
        )
        assert mark() != before, module


def test_the_contract_of_a_composition_is_checked_for_each_strength() -> None:
    checks = list(checks_of_purification("resize>gaussian-blur(1)"))
    assert all(check.ok for check in checks), [check for check in checks if not check.ok]
    assert {check.name.partition(": ")[0] for check in checks} == {
        f"resize({scale})>gaussian-blur(1)" for scale in (0.75, 0.5, 0.25)
    }
    (closeness,) = (c for c in checks_of_purification("resize(0.5)>jpeg(75)") if c.name.startswith("twin is nearer"))
    assert closeness.ok
