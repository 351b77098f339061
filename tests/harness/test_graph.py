"""What several cells need is made once; everything a result depends on is in its key."""

from __future__ import annotations

from collections import Counter

import pytest
from fake_runs import resolved_fake, with_protection

from antibench.components import CaseFacts
from antibench.graph import Graph, build_graph, photo_key, photo_sizes
from antibench.jobs import GenerateJob, ProtectJob, ScoreJob
from antibench.plan import plan_cells

CASES = [CaseFacts(f"c{index}", f"{index:064x}", f"caption {index}") for index in range(3)]
TARGET = "f" * 64


def graph_of(*assignments: str, cases: list[CaseFacts] = CASES, **options: object) -> Graph:
    resolved = resolved_fake(*assignments, **options)  # type: ignore[arg-type]
    return build_graph(resolved, plan_cells(resolved, [case.id for case in cases]), cases, TARGET)


def stages(graph: Graph) -> Counter[str]:
    return Counter(job.stage for job in graph.jobs.values())


def test_shared_work_is_done_once() -> None:
    """3 photos; push, sign and lowfreq; none and one grain. The clean video serves reference, floor and pairing."""
    graph = graph_of()
    assert stages(graph) == {
        "reference": 3,
        "protect": 3 * 3,
        "purify": 3 * (3 + 1),
        "generate": 3 * (3 + 1) * 2 + 3 * 2,  # and the reseeded clean one, plain and purified
        "score": len(graph.waits),
    }


def test_inputs_come_before_what_uses_them() -> None:
    seen: set[str] = set()
    graph = graph_of('models=["fake-shift","fake-blind"]')
    photos = {photo_key(case.sha256, size) for case in CASES for size in photo_sizes(resolved_fake())}
    for job in graph.jobs.values():
        assert {key for key in job.inputs if key in graph.jobs} <= seen
        seen.add(job.key)
    assert photos & {key for job in graph.jobs.values() for key in job.inputs}


def test_controls_need_no_surrogate_and_references_are_for_those_who_ask() -> None:
    protects = [job for job in graph_of().jobs.values() if isinstance(job, ProtectJob)]
    for job in protects:
        asked = job.plugin.label == "fake-push"
        assert (job.surrogate is not None) == asked
        assert len(job.references) == asked


def test_scores_of_the_floor_pair_each_photo_with_the_next_ones_video() -> None:
    resolved = resolved_fake()
    cells = plan_cells(resolved, [case.id for case in CASES])
    graph = build_graph(resolved, cells, CASES, TARGET)
    of = {(c.protection, c.case): graph.jobs[graph.waits[c.id]] for c in cells if c.target and c.purification == "none"}
    for case, following in zip(CASES, [*CASES[1:], CASES[0]], strict=True):
        floor, clean = of["unrelated", case.id], of["clean", case.id]
        assert isinstance(floor, ScoreJob)
        assert isinstance(clean, ScoreJob)
        stranger = of["clean", following.id]
        assert isinstance(stranger, ScoreJob)
        assert floor.video == stranger.video
        assert floor.clean_video == clean.video
        assert (floor.photo, floor.seen, floor.caption) == (clean.photo, clean.seen, case.caption)


def test_broken_photos_fail_and_are_no_strangers() -> None:
    cases = [CASES[0], CaseFacts("c1", broken="torn"), CASES[2]]
    resolved = resolved_fake()
    cells = plan_cells(resolved, [case.id for case in cases])
    graph = build_graph(resolved, cells, cases, TARGET)
    assert {graph.endings[c.id].reason for c in cells if c.case == "c1"} == {"photo cannot be read: torn"}
    assert {graph.endings[c.id].status for c in cells if c.case == "c1"} == {"failed"}
    assert all(c.id in graph.waits for c in cells if c.case != "c1")


def test_a_single_photo_has_no_floor() -> None:
    resolved = resolved_fake()
    cells = plan_cells(resolved, ["c0"])
    graph = build_graph(resolved, cells, CASES[:1], TARGET)
    assert {graph.endings[c.id].status for c in cells if c.role == "floor"} == {"skipped"}
    assert all(c.id in graph.waits for c in cells if c.role != "floor")


def test_photos_are_worked_on_at_the_surrogates_size_else_the_targets() -> None:
    resolved = resolved_fake('models=["fake-shift","fake-blind"]', 'surrogates=["fake-shift"]')
    cells = plan_cells(resolved, [case.id for case in CASES])
    graph = build_graph(resolved, cells, CASES, TARGET)
    sizes = {photo_key(CASES[0].sha256, size): size for size in photo_sizes(resolved)}
    shown = {
        (c.protection, c.target): sizes[job.photo]
        for c in cells
        if c.case == "c0" and isinstance(job := graph.jobs[graph.waits[c.id]], ScoreJob)
    }
    assert shown["fake-push", "fake-blind"] == (16, 16)
    assert shown["random-sign", "fake-blind"] == shown["clean", "fake-blind"] == (12, 18)
    assert shown["random-sign", None] == (16, 16)


@pytest.mark.parametrize(
    ("change", "references_kept"),
    [
        ("protections.fake-push.strength=2", True),
        ("models.fake-shift.noise=5", False),
        ("reference_seeds=[7]", False),
    ],
)
def test_what_a_protected_photo_depends_on_is_in_its_key(change: str, references_kept: bool) -> None:
    def pushed(graph: Graph) -> set[str]:
        return {job.key for job in graph.jobs.values() if isinstance(job, ProtectJob) and job.surrogate}

    plain, changed = graph_of(), graph_of(change)
    assert not pushed(plain) & pushed(changed)
    kept = {job.key for job in plain.jobs.values() if job.stage == "reference"} <= set(changed.jobs)
    assert kept == references_kept


def test_metrics_are_no_part_of_generation() -> None:
    more = graph_of('metrics=["fake-likeness","fake-fidelity","fake-odd"]')
    assert set(graph_of().jobs) == set(more.jobs)


def test_two_labels_of_one_protection_share_the_photo() -> None:
    twin = with_protection("fake-push", label="again")
    graph = graph_of(overrides=(twin,))
    assert stages(graph)["protect"] == stages(graph_of())["protect"]
    assert len({key for (label, *_), key in graph.protected.items() if label in ("fake-push", "again")}) == len(CASES)


def test_jobs_are_grouped_by_model_within_a_stage() -> None:
    graph = graph_of('models=["fake-shift","fake-blind"]')
    order = [job.model.label for job in graph.ordered() if isinstance(job, GenerateJob) and job.stage == "generate"]
    assert order == sorted(order)
    assert len(set(order)) == 2
