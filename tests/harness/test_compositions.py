"""Compositions of purifications in suites: planned, keyed by all their parts, run in 8 bits, reported by expression."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_runs import RunFake, fake_suite, lines_of, resolved_fake

from antibench.components import CaseFacts, Resolved
from antibench.composition import Composition
from antibench.contracts import ImageU8
from antibench.errors import UserError
from antibench.graph import Graph, build_graph
from antibench.jobs import PurifyJob, ScoreJob
from antibench.pixels import from_png
from antibench.plan import Cell, plan_cells
from antibench.purifications.gaussian_blur import GaussianBlur
from antibench.purifications.jpeg import Jpeg
from antibench.purifications.resize import Resize
from antibench.registry import PURIFICATIONS
from antibench.rescore import work_of
from antibench.run_folder import RunFolder
from antibench.standing import standing
from antibench.store import Store
from antibench.suite_options import only
from antibench.testing.purification_contract import sample_photo

CASES = [CaseFacts(f"c{index}", f"{index:064x}", f"caption {index}") for index in range(2)]


def purified_by(*items: str | dict[str, Any]) -> Resolved:
    def apply(raw: dict[str, Any]) -> None:
        raw["purifications"] = list(items)

    return resolved_fake(overrides=(apply,))


def planned(resolved: Resolved) -> tuple[list[Cell], Graph]:
    cells = plan_cells(resolved, [case.id for case in CASES])
    return cells, build_graph(resolved, cells, CASES, "f" * 64)


def labels(resolved: Resolved) -> list[str]:
    return [treatment.label for treatment in resolved.treatments]


def chain_of(graph: Graph, cell: Cell) -> list[PurifyJob]:
    """The purify jobs behind what a cell sees, first to last."""
    view = graph.jobs[graph.waits[cell.id]]
    assert isinstance(view, ScoreJob)
    found: list[PurifyJob] = []
    key = view.seen
    while isinstance(job := graph.jobs.get(key), PurifyJob):
        found.insert(0, job)
        key = job.image
    return found


def test_each_part_is_a_job_and_what_several_begin_with_is_made_once() -> None:
    cells, graph = planned(purified_by("jpeg(75)", "jpeg(75)>resize(0.5)", "jpeg(75)>resize(0.5)>fake-grain(1)"))
    chosen = {cell.purification: cell for cell in cells if cell.scope == "photo" and cell.role == "protection"}
    chains = {
        label: chain_of(graph, chosen[label]) for label in labels(purified_by("jpeg(75)>resize(0.5)>fake-grain(1)"))
    }
    (jobs,) = chains.values()
    assert [(job.plugin.name, job.strength) for job in jobs] == [("jpeg", 75), ("resize", 0.5), ("fake-grain", 1)]
    shorter = chain_of(graph, chosen["jpeg(75)>resize(0.5)"])
    assert [job.key for job in shorter] == [job.key for job in jobs[:2]]
    assert [job.key for job in chain_of(graph, chosen["jpeg(75)"])] == [jobs[0].key]


def test_a_single_purification_is_the_same_however_it_is_written() -> None:
    plain, _ = planned(purified_by({"name": "jpeg", "strengths": [75]}))
    written, _ = planned(purified_by("jpeg(75)"))
    with_parameter, _ = planned(purified_by('jpeg(75,subsampling="4:4:4")'))
    by_table, _ = planned(purified_by({"name": "jpeg(75)", "subsampling": "4:4:4"}))
    assert [cell for cell in written if cell.purification != "none"] == [c for c in plain if c.purification != "none"]
    assert {cell.id for cell in with_parameter} == {cell.id for cell in by_table} != {cell.id for cell in plain}


def seen_ids(resolved: Resolved) -> set[str]:
    return {cell.id for cell in planned(resolved)[0] if cell.purification != "none"}


def seen_keys(resolved: Resolved) -> set[str]:
    """Keys of the last step of what is purified."""
    cells, graph = planned(resolved)
    return {chain_of(graph, cell)[-1].key for cell in cells if cell.purification != "none"}


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("changed", ["version", "strength", "parameters"])
def test_a_cell_depends_on_every_part(part: int, changed: str) -> None:
    """A later version, another strength or another parameter of any part is another cell and another photo."""
    resolved = purified_by("jpeg(75)>resize(0.5)>fake-grain(1)")
    (item,) = resolved.purifications
    parts = list(item.parts)
    news = {"version": {"version": 9}, "strength": {"strengths": (0.25,)}, "parameters": {"params": {"x": 1}}}
    parts[part] = dataclasses.replace(parts[part], **news[changed])
    other = dataclasses.replace(resolved, purifications=(dataclasses.replace(item, parts=tuple(parts)),))  # type: ignore[type-var]
    assert not seen_ids(resolved) & seen_ids(other)
    assert not seen_keys(resolved) & seen_keys(other)


def test_the_order_of_the_parts_counts() -> None:
    one, other = purified_by("jpeg(75)>resize(0.5)"), purified_by("resize(0.5)>jpeg(75)")
    assert not seen_ids(one) & seen_ids(other)
    assert not seen_keys(one) & seen_keys(other)


def test_a_part_without_a_strength_runs_each_of_its_own() -> None:
    assert labels(purified_by("fake-grain>jpeg(75)")) == ["fake-grain(1)>jpeg(75)", "fake-grain(3)>jpeg(75)"]
    assert labels(purified_by({"name": "fake-grain>jpeg(75)", "strengths": [2]})) == ["fake-grain(2)>jpeg(75)"]
    both = labels(purified_by("fake-grain>resize"))
    assert len(both) == 2 * 3
    assert both[1] == "fake-grain(1)>resize(0.5)"


def test_a_label_of_the_suites_own_names_the_strengths_that_are_open() -> None:
    assert labels(purified_by({"name": "jpeg(75)>resize(0.5)", "label": "chat"})) == ["chat"]
    assert labels(purified_by({"name": "fake-grain>resize(0.5)", "label": "chat"})) == ["chat(1)", "chat(3)"]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("jpgg(75)>resize(0.5)", "unknown purification 'jpgg'; did you mean jpeg?"),
        ("jpeg(75)>resiz(0.5)", "unknown purification 'resiz'; did you mean resize or"),
        ("jpeg(75)>resize@7(0.5)", "purification 'resize@7' is not available: this antibench has resize@1"),
        ("jpeg(75,subsample=3)>resize(0.5)", "purification 'jpeg' has no parameter 'subsample'"),
        ({"name": "jpeg(75)>resize(0.5)", "strengths": [1]}, "`strengths` is for the one part"),
        (
            {"name": "jpeg(75)>resize(0.5)", "filter": "box"},
            "write the parameters of a part in it, such as jpeg(filter",
        ),
        ("jpeg(75)>>resize(0.5)", "key purifications.0: purification 'jpeg(75)>>resize(0.5)': expected the name"),
        ({"name": "jpeg>resize", "strengths": [1]}, "`strengths` is for the one part"),
    ],
)
def test_what_is_wrong_is_told_as_of_a_single_name(item: str | dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        purified_by(item)
    assert message in str(caught.value)


def test_two_ways_to_write_one_label_are_refused() -> None:
    with pytest.raises(UserError, match=r"purification 'jpeg\(75\)' is there twice"):
        purified_by("jpeg", "jpeg(75)")
    with pytest.raises(UserError, match=r"'jpeg\(75\)>resize\(0.5\)' is there twice"):
        purified_by("jpeg(75)>resize(0.5)", "(jpeg(75)) > resize(.5)")


def test_the_command_line_names_them_like_any_other() -> None:
    suite = fake_suite(overrides=(only("purifications", ("fake-grain", "jpeg(75) > resize(0.5)")),))
    assert [choice.shown for choice in suite.purifications] == ["fake-grain", "jpeg(75)>resize(0.5)"]
    again = fake_suite(
        'purifications=["fake-grain","jpeg(75)>resize(0.5)"]',
        overrides=(only("purifications", ("jpeg(75)>resize(.5)",)),),
    )
    assert [choice.shown for choice in again.purifications] == ["fake-grain", "jpeg(75)>resize(0.5)"]


def purify(photo: ImageU8, *steps: tuple[Any, float]) -> ImageU8:
    for plugin, strength in steps:
        photo = plugin.apply(photo, strength=strength, rng=np.random.default_rng(0))
    return photo


def test_a_run_shows_the_model_what_the_parts_make_in_turn(run_fake: RunFake, tmp_path: Path) -> None:
    """By hand, with 8-bit pixels between; the report names the expression; scoring again finds everything."""
    expression = "resize(0.5)>jpeg(30)>gaussian-blur(1)"
    ran = run_fake(f'purifications=["{expression}"]')
    header = json.loads((ran.folder / "plan.json").read_text())["header"]
    assert header["purifications"] == ["none", expression]
    rows = lines_of(ran.folder)
    assert {row["status"] for row in rows} == {"ok"}
    assert {row["purification"] for row in rows} == {"none", expression}
    (row,) = (row for row in ran.summary["rows"] if row["protection"] == "fake-push")
    assert [item["purification"] for item in row["purifications"]] == ["none", expression]

    store = Store(tmp_path / "store")
    work = work_of(RunFolder(ran.folder).plan(), (), store)
    cell = next(c for c in work.cells if c.purification == expression and c.protection == "fake-push" and c.target)
    view = work.graph.jobs[work.graph.waits[cell.id]]
    assert isinstance(view, ScoreJob)
    by_hand = purify(from_png(store.get(view.protected)), (Resize(), 0.5), (Jpeg(), 30), (GaussianBlur(), 1.0))
    assert np.array_equal(from_png(store.get(view.seen)), by_hand)
    assert not standing(work.graph, store).todo


def test_each_part_draws_for_itself(run_fake: RunFake, tmp_path: Path) -> None:
    """The same noise twice would be one noise of double the size: even numbers only, where nothing is clipped."""
    ran = run_fake('purifications=["fake-grain(3)>fake-grain(3)"]', "dataset.count=2")
    store = Store(tmp_path / "store")
    work = work_of(RunFolder(ran.folder).plan(), (), store)
    cell = next(c for c in work.cells if c.purification != "none" and c.protection == "clean" and c.target)
    first, second = chain_of(work.graph, cell)
    photos = [from_png(store.get(key)).astype(int) for key in (first.image, first.key, second.key)]
    inside = (photos[0] > 10) & (photos[0] < 245)
    noises = [(after - before)[inside] for before, after in itertools.pairwise(photos)]
    assert abs(np.corrcoef(*noises)[0, 1]) < 0.2
    assert all(np.abs(noise).max() == 3 for noise in noises)


def test_changed_code_of_a_part_is_noticed(run_fake: RunFake, tmp_path: Path) -> None:
    run_fake('purifications=["jpeg(75)>resize(0.5)"]')
    resolved = purified_by("jpeg(75)>resize(0.5)")
    store = Store(tmp_path / "store")
    ran = RunFolder(tmp_path / "run").plan()
    work = work_of(ran, (), store)
    assert not standing(work.graph, store).stale
    for key, job in work.graph.jobs.items():
        if isinstance(job, PurifyJob) and job.plugin.name == "resize":
            work.graph.jobs[key] = dataclasses.replace(job, plugin=dataclasses.replace(job.plugin, source="edited"))
    assert set(standing(work.graph, store).stale) == {"purification resize@1"}
    assert {item.name for item in resolved.components if item.kind == "purifications"} == {"jpeg", "resize"}


def test_a_composition_in_python_is_what_a_run_does() -> None:
    photo = sample_photo(size=(24, 32))
    composed = Composition(((Jpeg(), 30), (Resize(), 0.5)))
    assert np.array_equal(
        composed.apply(photo, rng=np.random.default_rng(0)), purify(photo, (Jpeg(), 30), (Resize(), 0.5))
    )
    grain = PURIFICATIONS.create("fake-grain")
    twice = Composition(((grain, 3.0), (grain, 3.0))).apply(photo, rng=np.random.default_rng(0)).astype(int)
    assert (np.abs(twice - photo) % 2 == 1).any()
