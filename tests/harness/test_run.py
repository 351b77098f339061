"""Running: complete, resumable, and honest about what failed."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_runs import RunFake, fake_suite, lines_of, with_protection

from antibench.errors import ExitCode, UserError
from antibench.run import Settings, run
from antibench.runfiles import read_run
from antibench.suite_options import image_folder, only

FILES = {"plan.json", "cells.jsonl", "costs.jsonl", "env.json", "memory.json", "summary.json", "run.lock"}


def statuses(run: Path, **wanted: object) -> Counter[str]:
    rows = [row for row in lines_of(run) if all(row[key] == value for key, value in wanted.items())]
    return Counter(row["status"] for row in rows)


def test_a_run_reports_every_planned_score_in_the_order_of_the_plan(run_fake: RunFake) -> None:
    ran = run_fake()
    assert ran.exit_code == ExitCode.FINE
    assert {path.name for path in ran.folder.iterdir()} == FILES
    plan = json.loads((ran.folder / "plan.json").read_text())
    metrics = {metric["name"]: metric["scope"] for metric in plan["header"]["metrics"]}
    planned = [(c["cell"], m) for c in plan["cells"] for m, scope in metrics.items() if scope == c["scope"]]
    rows = lines_of(ran.folder)
    assert [(row["cell"], row["metric"]) for row in rows] == planned
    assert ran.summary["cells"]["planned"] == ran.summary["cells"]["ok"] == len(planned)
    assert all(isinstance(row["value"], float) and row["reason"] is None for row in rows)
    assert "fake-likeness-photo" in metrics, "the photo twin comes without being asked for"


def test_values_are_those_of_the_metric(run_fake: RunFake) -> None:
    """The clean photo as the model sees it differs from itself by nothing; its video by the model's noise at most."""
    rows = lines_of(run_fake("purifications=[]").folder)
    clean = {row["metric"]: row["value"] for row in rows if row["protection"] == "clean" and row["case"] == "photo-0"}
    assert clean["fake-likeness-photo"] == 1.0
    assert 1 - 2 / 255 <= clean["fake-likeness"] < 1
    signs = [r["value"] for r in rows if r["protection"] == "random-sign" and r["metric"] == "fake-fidelity"]
    assert signs == pytest.approx([1 - 8 / 255] * 3, abs=2e-4), "but for the few levels that 0 or 255 cut short"
    strangers = [r["value"] for r in rows if r["protection"] == "unrelated"]
    assert max(strangers) < 0.9


def test_costs_have_a_line_for_every_protected_photo(run_fake: RunFake) -> None:
    rows = lines_of(run_fake("budgets=[4,8]").folder, "costs.jsonl")
    assert len({(r["protection"], r["surrogate"], r["budget"], r["case"]) for r in rows}) == len(rows) == 3 * 2 * 3
    assert all(row["seconds"] >= 0 and row["peak_mib"] > 50 for row in rows)


def test_seconds_are_those_of_the_plugin_alone(
    run_fake: RunFake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from antibench.engine import bench

    def slow(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def call(value: Any) -> Any:
            time.sleep(0.1)
            return function(value)

        return call

    for name in ("to_png", "from_png"):
        monkeypatch.setattr(bench, name, slow(getattr(bench, name)))
    run_fake("limit=1")
    records = [json.loads(path.read_text()) for path in (tmp_path / "store").rglob("*.json")]
    assert {"protect", "purify", "generate", "score"} <= {record["stage"] for record in records}
    assert max(record.get("seconds", 0.0) for record in records) < 0.1


def test_the_same_run_again_does_nothing(run_fake: RunFake) -> None:
    first = run_fake()
    before = (first.folder / "cells.jsonl").read_bytes()
    again = run_fake()
    assert first.computed > 0
    assert again.computed == 0
    assert (again.folder / "cells.jsonl").read_bytes() == before
    assert again.summary == first.summary


def test_another_run_of_the_same_store_computes_only_what_is_new(run_fake: RunFake) -> None:
    first = run_fake()
    assert run_fake(out="other").computed == 0
    wider = run_fake("seeds=[0,1]", out="wider")
    assert 0 < wider.computed < first.computed
    assert wider.summary["cells"]["ok"] == wider.summary["cells"]["planned"]


def test_the_run_of_another_suite_is_not_overwritten(run_fake: RunFake) -> None:
    ran = run_fake()
    before = (ran.folder / "plan.json").read_bytes()
    with pytest.raises(UserError, match="holds a run of suite 'fake'; choose another --out for 'mine'"):
        run_fake("name=mine")
    assert (ran.folder / "plan.json").read_bytes() == before


def test_results_do_not_depend_on_the_store(run_fake: RunFake) -> None:
    one, other = run_fake(out="one", store="s1"), run_fake(out="other", store="s2")
    assert one.computed == other.computed > 0
    assert (one.folder / "cells.jsonl").read_bytes() == (other.folder / "cells.jsonl").read_bytes()
    assert one.summary["rows"] != []


@pytest.mark.parametrize("left", [b"", b'{"cell": "0123', b"not json\n"])
def test_a_broken_cells_file_is_made_anew(left: bytes, run_fake: RunFake) -> None:
    ran = run_fake()
    whole = (ran.folder / "cells.jsonl").read_bytes()
    (ran.folder / "cells.jsonl").write_bytes(whole[: len(whole) // 2] + left)
    assert run_fake().computed == 0
    assert (ran.folder / "cells.jsonl").read_bytes() == whole


@pytest.mark.parametrize("suffix", ["png", "mkv", "json"])
def test_a_damaged_artifact_is_computed_again(suffix: str, run_fake: RunFake, tmp_path: Path) -> None:
    ran = run_fake()
    whole = (ran.folder / "cells.jsonl").read_bytes()
    for path in (tmp_path / "store").rglob(f"*.{suffix}"):
        path.write_bytes(path.read_bytes()[:-3])
    (ran.folder / "summary.json").unlink()
    again = run_fake("metrics=['fake-likeness','fake-fidelity','fake-odd']", out="more")
    assert again.computed > 0
    assert again.exit_code == ExitCode.FINE
    assert run_fake().exit_code == ExitCode.FINE
    assert (ran.folder / "cells.jsonl").read_bytes() == whole
    assert list((tmp_path / "store").rglob(f"*.{suffix}.corrupt"))


def test_code_that_changed_without_its_version_is_told(run_fake: RunFake, monkeypatch: pytest.MonkeyPatch) -> None:
    from antibench import registry
    from antibench.progress import Quiet

    told: list[str] = []
    monkeypatch.setattr(Quiet, "note", lambda self, text: told.append(text))
    ran = run_fake()
    (ran.folder / "summary.json").unlink()
    assert told == []
    genuine = registry.source_hash
    monkeypatch.setattr(registry, "source_hash", lambda cls: "changed" if cls.name == "fake-grain" else genuine(cls))
    run_fake()
    assert told == [
        "warning: the code of purification fake-grain@1 changed, its version did not; 12 stored results are older"
    ]


@pytest.mark.parametrize("how", ["nan", "raise"])
def test_a_protection_that_goes_wrong_fails_its_cells_and_no_others(how: str, run_fake: RunFake) -> None:
    ran = run_fake(overrides=(with_protection("fake-broken", how=how),))
    assert ran.exit_code == ExitCode.CELLS_FAILED
    assert set(statuses(ran.folder, protection="fake-broken")) == {"failed"}
    assert statuses(ran.folder)["failed"] == sum(statuses(ran.folder, protection="fake-broken").values())
    reasons = {row["reason"] for row in lines_of(ran.folder) if row["status"] == "failed"}
    told = "not finite" if how == "nan" else "protect fake-broken: RuntimeError: two lines"
    assert len(reasons) == 1
    assert told in reasons.pop()
    assert all(row["value"] is None for row in lines_of(ran.folder) if row["status"] == "failed")


def test_what_failed_is_tried_again(run_fake: RunFake, tmp_path: Path) -> None:
    broken = with_protection("fake-broken", how="raise", once=str(tmp_path / "once"))
    assert run_fake("dataset.count=2", overrides=(broken,)).exit_code == ExitCode.CELLS_FAILED
    again = run_fake("dataset.count=2", overrides=(broken,))
    assert again.exit_code == ExitCode.FINE
    assert again.computed > 0


@pytest.mark.parametrize(
    ("how", "status", "told"),
    [
        ("nan", "failed", "metric fake-odd returned nan"),
        ("raise", "failed", "metric fake-odd: KeyError: 'nothing here'"),
        ("bounds", "failed", "metric fake-odd returned 1.5, not within [0, 1]"),
        ("unscored", "skipped", "no face in any frame"),
    ],
)
def test_a_metric_that_goes_wrong_keeps_no_other_from_scoring(
    how: str, status: str, told: str, run_fake: RunFake
) -> None:
    ran = run_fake(f'metrics=["fake-likeness",{{name="fake-odd",how="{how}"}}]')
    assert set(statuses(ran.folder, metric="fake-odd")) == {status}
    assert {row["reason"] for row in lines_of(ran.folder) if row["metric"] == "fake-odd"} == {told}
    assert set(statuses(ran.folder, metric="fake-likeness")) == {"ok"}
    assert ran.exit_code == (ExitCode.CELLS_FAILED if status == "failed" else ExitCode.FINE)


def test_a_proposal_far_beyond_the_budget_is_marked_and_not_animated(run_fake: RunFake) -> None:
    ran = run_fake(overrides=(with_protection("max-noise"), with_protection("fake-push", label="far", reach=3.0)))
    assert set(statuses(ran.folder, protection="max-noise")) == {"over-budget"}
    assert set(statuses(ran.folder, protection="far")) == {"ok"}, "overshooting a little is projected, not punished"
    assert ran.exit_code == ExitCode.FINE
    (ran.folder / "summary.json").unlink()
    again = run_fake(overrides=(with_protection("max-noise"), with_protection("fake-push", label="far", reach=3.0)))
    assert again.computed == 0
    assert set(statuses(ran.folder, protection="max-noise")) == {"over-budget"}


def test_broken_photos_are_failed_cells(run_fake: RunFake) -> None:
    ran = run_fake("dataset.broken=[1]")
    assert ran.exit_code == ExitCode.CELLS_FAILED
    assert set(statuses(ran.folder, case="photo-1")) == {"failed"}
    assert statuses(ran.folder, case="photo-0") == statuses(ran.folder, case="photo-2") == {"ok": 25}
    assert {r["reason"] for r in lines_of(ran.folder) if r["case"] == "photo-1"} == {
        "photo cannot be read: made to be broken"
    }


def test_no_readable_photo_is_the_users_error(run_fake: RunFake) -> None:
    with pytest.raises(UserError, match="no photo could be read; photo-0: made to be broken"):
        run_fake("dataset.broken=[0,1,2]")


def test_a_surrogate_that_lacks_something_skips_with_the_reason(run_fake: RunFake) -> None:
    ran = run_fake('surrogates=["fake-blind"]')
    assert set(statuses(ran.folder, protection="fake-push")) == {"skipped"}
    assert ran.exit_code == ExitCode.FINE


@pytest.mark.parametrize("side", [1, 3000])
def test_photos_of_extreme_sizes(side: int, run_fake: RunFake) -> None:
    ran = run_fake(f"dataset.side={side}", "dataset.count=2", "purifications=[]")
    assert ran.exit_code == ExitCode.FINE


def test_limit_and_added_protection(run_fake: RunFake) -> None:
    ran = run_fake("limit=2", overrides=(only("protections", ("no-op",)),))
    assert {row["case"] for row in lines_of(ran.folder)} == {"photo-0", "photo-1"}
    assert {row["protection"] for row in lines_of(ran.folder) if row["role"] == "degenerate"} == {"no-op"}


def test_two_processes_may_not_write_one_run(run_fake: RunFake, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with (tmp_path / "run" / "run.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another process is writing this run"):
            run_fake()
    assert run_fake().exit_code == ExitCode.FINE


@pytest.mark.parametrize("where", ["out", "store"])
def test_a_folder_that_cannot_be_written(where: str, run_fake: RunFake, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=f"choose another --{where}"):
        run_fake(**{where: "file/below"})


@pytest.mark.parametrize("after", [0, 25])
def test_a_full_disk_stops_the_run_with_one_line(
    after: int, run_fake: RunFake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    genuine, left = os.replace, [after]

    def filling(written: Path, place: Path) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        genuine(written, place)

    monkeypatch.setattr(os, "replace", filling)
    with pytest.raises(UserError, match="No space left on device; free some space or choose another --"):
        run_fake()
    assert not list(tmp_path.rglob("*.tmp"))
    monkeypatch.setattr(os, "replace", genuine)
    assert run_fake().exit_code == ExitCode.FINE


def test_a_changed_photo_is_noticed(run_fake: RunFake, tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "photos").mkdir()
    for index, colour in enumerate(["red", "green"]):
        Image.new("RGB", (20, 20), colour).save(tmp_path / "photos" / f"{index}.png")
    folder = image_folder(tmp_path / "photos")
    first = run_fake(overrides=(folder,))
    assert run_fake(overrides=(folder,)).computed == 0
    before = (first.folder / "cells.jsonl").read_bytes()
    Image.new("RGB", (20, 20), "blue").save(tmp_path / "photos" / "1.png")
    assert run_fake(overrides=(folder,)).computed > 0
    assert (first.folder / "cells.jsonl").read_bytes() != before
    written = "".join((first.folder / name).read_text() for name in FILES - {"run.lock"})
    assert str(tmp_path) not in written, "results carry no path"


def test_a_text_file_called_png_is_a_failed_case(run_fake: RunFake, tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "b.png").write_text("not a photo")
    with pytest.raises(UserError, match=r"no photo could be read; b\.png"):
        run_fake(overrides=(image_folder(tmp_path / "photos"),))
    Image.new("RGB", (40, 30), "red").save(tmp_path / "photos" / "a.png")
    ran = run_fake(overrides=(image_folder(tmp_path / "photos"),))
    assert ran.exit_code == ExitCode.CELLS_FAILED
    assert set(statuses(ran.folder, case="b.png")) == {"failed"}
    assert "failed" not in statuses(ran.folder, case="a.png")


def test_photos_of_one_pixel_and_of_a_hundred_million(run_fake: RunFake, tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "photos").mkdir()
    for name, side in (("dot", 1), ("plain", 64), ("wall", 10_000)):
        Image.new("RGB", (side, side), "red").save(tmp_path / "photos" / f"{name}.png")
    ran = run_fake(overrides=(image_folder(tmp_path / "photos"),))
    assert ran.exit_code == ExitCode.CELLS_FAILED
    assert "too small: 1x1" in next(row["reason"] for row in lines_of(ran.folder) if row["case"] == "dot.png")
    assert set(statuses(ran.folder, case="dot.png")) == {"failed"}
    assert set(statuses(ran.folder, case="plain.png")) == set(statuses(ran.folder, case="wall.png")) == {"ok"}


def test_an_empty_folder(run_fake: RunFake, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(UserError, match="holds no photo"):
        run_fake(overrides=(image_folder(tmp_path / "photos"),))


def test_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    settings = Settings(tmp_path / "run", tmp_path / "store", device="cuda")
    with pytest.raises(UserError, match="torch finds no GPU"):
        run(fake_suite("purifications=[]"), settings)


def test_header_and_environment(run_fake: RunFake) -> None:
    ran = run_fake()
    read = read_run(ran.folder)
    assert read.header["world"] == "small"
    assert read.header["level"] == "L1"
    assert read.header["purifications"] == ["none", "fake-grain(3)"]
    assert [item["role"] for item in read.header["protections"]] == ["protection", "control", "control"]
    assert read.header["cases"] == ["photo-0", "photo-1", "photo-2"]
    environment = json.loads((ran.folder / "env.json").read_text())
    assert {"torch", "numpy", "click"} <= environment["libraries"].keys()
    assert environment["backends"] == {"fake-grain": "numpy"}
    assert os.uname().nodename not in json.dumps(environment)
