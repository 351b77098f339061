"""A purification by a network computes where the harness says, with the weights it is given, and keys know of both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_runs import RunFake, fake_suite, inline_pool

from antibench import run as run_module
from antibench.compare import compare
from antibench.components import CaseFacts, Resolved
from antibench.engine.bench import Bench
from antibench.errors import UserError
from antibench.graph import build_graph, photo_key
from antibench.jobs import PurifyJob
from antibench.local_weights import digests, local_weights
from antibench.pixels import from_png, to_png
from antibench.plan import plan_cells
from antibench.progress import Quiet
from antibench.rescore import rescore
from antibench.resolve import resolve
from antibench.run import Settings
from antibench.runfiles import read_run
from antibench.store import Store

CASES = [CaseFacts(f"c{index}", f"{index:064x}", f"caption {index}") for index in range(2)]
PHOTO = np.full((16, 16, 3), 40, np.uint8)


def learned(raw: dict[str, Any]) -> None:
    raw["purifications"] = [{"name": "fake-learned"}, {"name": "fake-grain", "strengths": [3]}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "model.ckpt").write_text("7")
    return tmp_path / "weights"


def resolved(precision: str = "cpu", weights: dict[str, str] | None = None) -> Resolved:
    return resolve(fake_suite(overrides=(learned,)), precision, weights)


def purify_jobs(what: Resolved) -> dict[str, set[str]]:
    """Keys of the purify jobs of unprotected photos, by purification: nothing before them depends on the device."""
    graph = build_graph(what, plan_cells(what, [case.id for case in CASES]), CASES, "f" * 64)
    photos = {photo_key(case.sha256, (16, 16)) for case in CASES}
    found: dict[str, set[str]] = {}
    for job in graph.jobs.values():
        if isinstance(job, PurifyJob) and job.image in photos:
            found.setdefault(job.plugin.label, set()).add(job.key)
    return found


def test_a_network_on_a_gpu_has_keys_of_its_own_and_what_computes_on_the_cpu_has_not() -> None:
    cpu, cuda = purify_jobs(resolved("cpu")), purify_jobs(resolved("cuda"))
    assert cpu["fake-grain"] == cuda["fake-grain"]
    assert not cpu["fake-learned"] & cuda["fake-learned"]


def purified(tmp_path: Path, device: str, weights: dict[str, Path], digest: str = "") -> Any:
    what = resolved(weights={"fake-learned": digest} if digest else None)
    (facts,) = (item for item in what.purifications if item.label == "fake-learned")
    store = Store(tmp_path / "store")
    store.prepare()
    store.put("a" * 64, "png", to_png(PHOTO), {})
    outcome = Bench(store, device, weights).perform(PurifyJob("b" * 64, facts, 1, "a" * 64))
    if outcome.status != "ok":
        return outcome.reason
    return int(from_png(store.get("b" * 64)).max())


def test_the_bench_says_where_to_compute_and_where_the_weights_lie(tmp_path: Path, folder: Path) -> None:
    assert purified(tmp_path / "1", "cpu", {}) == 21
    assert purified(tmp_path / "2", "meta", {}) == 121
    assert purified(tmp_path / "3", "cpu", {"d": folder}, "d") == 27
    assert "the local weights of fake-learned are not at hand" in purified(tmp_path / "4", "cpu", {}, "d")


def test_a_run_with_local_weights_is_another_run(tmp_path: Path, folder: Path, run_fake: RunFake) -> None:
    suite = fake_suite(overrides=(learned,))
    weights = local_weights(suite, [f"fake-learned={folder}"], Store(tmp_path / "store"), lambda text: None)
    assert not purify_jobs(resolved())["fake-learned"] & purify_jobs(resolved("cpu", digests(weights)))["fake-learned"]
    plain = run_fake(overrides=(learned,), out="plain")
    ran = run_fake(overrides=(learned,), out="local", weights=weights)
    assert ran.computed > 0
    digest = weights["fake-learned"].digest
    header = json.loads((ran.folder / "plan.json").read_text())["header"]
    assert header["purification_weights"] == {"fake-learned": digest}
    assert "purification_weights" not in json.loads((plain.folder / "plan.json").read_text())["header"]
    assert json.loads((ran.folder / "env.json").read_text())["local_weights"] == {"fake-learned": digest}
    runs = [read_run(one.folder) for one in (plain, ran)]
    with pytest.raises(UserError, match="fake-learned has other weights in A than in B"):
        compare(*(part for run in runs for part in (run.header, run.cells)))
    compare(*(part for run in (runs[1], runs[1]) for part in (run.header, run.cells)))


def test_rescore_finds_the_videos(
    tmp_path: Path, folder: Path, run_fake: RunFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = fake_suite(overrides=(learned,))
    weights = local_weights(suite, [f"fake-learned={folder}"], Store(tmp_path / "store"), lambda text: None)
    ran = run_fake(overrides=(learned,), weights=weights)
    monkeypatch.setattr(run_module, "local_pool", inline_pool)
    again = rescore(Settings(ran.folder, tmp_path / "store"), ("fake-odd",), Quiet())
    assert again.summary["cells"]["failed"] == 0
