"""What the harness itself costs: planning, and finding that there is nothing left to do."""

from __future__ import annotations

import json

import pytest
from conftest import Ratio
from harness import inline_pool, plan_seconds

from antibench import run as run_module
from antibench.keys import sha256_of
from antibench.run import Settings, prepare
from antibench.standing import standing
from antibench.store import Store
from antibench.suite import Suite
from antibench.suite_file import validated

CASES = 40
REPEATED = 20
"""How often what takes milliseconds is done at once."""


def test_planning(ratio: Ratio) -> None:
    """Cells and jobs of a large suite against one hash a cell, which each needs for its id."""
    cells, _ = plan_seconds(CASES)
    facts = {"scope": "video", "protection": "p", "surrogate": "0" * 64, "target": "0" * 64, "budget": 8, "seed": 0}

    def hashes() -> None:
        for index in range(cells):
            sha256_of({**facts, "case": index})

    ratio(lambda: plan_seconds(CASES), hashes, "a hash of every cell", limit=14.0)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Suite, Settings]:
    """A finished run of a real suite, as cheap as one can be: the controls on two photos, one sampling step a clip."""
    suite = validated(
        {
            "schema": 1,
            "name": "cheap",
            "version": 1,
            "headline": "temporal-consistency",
            "metrics": ["temporal-consistency", "motion", "psnr", "ssim", "linf-levels"],
            "models": [{"name": "dynamicrafter-small", "steps": 1}],
            "dataset": {"name": "portraits", "count": 2},
            "purifications": [{"name": "resize", "strengths": [0.5]}],
        }
    )
    folder = tmp_path_factory.mktemp("cheap")
    settings = Settings(folder / "run", folder / "store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "local_pool", inline_pool)
        run_module.run(suite, settings)
    return suite, settings


def test_resuming_a_finished_run(done: tuple[Suite, Settings], ratio: Ratio) -> None:
    """Against planning it: a finished run is known by its fingerprint, and nothing is planned or looked up again."""
    suite, settings = done
    ratio(
        lambda: run_module.run(suite, settings),
        lambda: prepare(suite, "cpu", Store(settings.store)),
        "its plan",
        limit=0.5,
    )


def test_finding_everything_in_the_store(done: tuple[Suite, Settings], ratio: Ratio) -> None:
    """What is missing of a run that another has computed, against reading the store's records once."""
    suite, settings = done
    store = Store(settings.store)
    work = prepare(suite, "cpu", store)
    records = sorted(settings.store.rglob("*.json"))

    def read() -> None:
        for record in records * REPEATED:
            json.loads(record.read_bytes())

    def look_up() -> None:
        for _ in range(REPEATED):
            standing(work.graph, store)

    ratio(look_up, read, "reading the store's records", limit=10.0)
    assert not standing(work.graph, store).todo
