"""Distances of sets of clips from a run's store: the right clips, paired by photo, or a reason."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from fake_runs import RunFake

from antibench.cli.distance import distance
from antibench.contracts import FramesU8
from antibench.errors import UserError
from antibench.set_distance import Floats, frechet, jackknife, kernel_distance
from antibench.store import Store
from antibench.video import decode
from antibench.video_sets import set_rows


def means(frames: FramesU8) -> Floats:
    """Mean and spread of the colours: (6,)."""
    levels = frames.reshape(-1, 3).astype(np.float64) / 255
    return np.concatenate([levels.mean(axis=0), levels.std(axis=0)])


def test_rows_are_the_distances_of_the_clips_in_the_store(run_fake: RunFake, tmp_path: Path) -> None:
    """The sets are put together again from the run's jobs, without the code under test."""
    from antibench.rescore import work_of
    from antibench.run_folder import RunFolder

    run_fake()
    store = Store(tmp_path / "store")
    work = work_of(RunFolder(tmp_path / "run").plan(), (), store)
    mine, clean, photos = [], [], []
    for cell in work.cells:
        if (cell.scope, cell.protection, cell.purification) == ("video", "fake-push", "none"):
            job = work.graph.jobs[work.graph.waits[cell.id]]
            mine.append(means(decode(store.get(job.video))))
            clean.append(means(decode(store.get(job.clean_video))))
            photos.append(cell.case)
    assert len(photos) == len(set(photos)) * len({cell.seed for cell in work.cells if cell.seed is not None}) >= 3
    rows = set_rows(tmp_path / "run", tmp_path / "store", means)
    (row,) = [row for row in rows if (row.protection, row.purification) == ("fake-push", "none")]
    fvd = jackknife(frechet, np.stack(mine), np.stack(clean), photos)
    kvd = jackknife(kernel_distance, np.stack(mine), np.stack(clean), photos)
    assert (row.fvd, row.fvd_error) == pytest.approx(tuple(fvd))
    assert (row.kvd, row.kvd_error) == pytest.approx(tuple(kvd))
    assert row.photos == len(set(photos))
    assert row.clips == len(photos)
    assert row.fvd
    assert row.fvd > 0
    protections = {row.protection for row in rows}
    assert "clean-reseeded" in protections
    assert not protections & {"clean", "unrelated"}  # the same set of clips twice


def test_each_clip_is_looked_at_once(run_fake: RunFake, tmp_path: Path) -> None:
    run_fake()
    seen: list[bytes] = []

    def extract(frames: FramesU8) -> Floats:
        seen.append(frames.tobytes())
        return means(frames)

    rows = set_rows(tmp_path / "run", tmp_path / "store", extract)
    assert len(seen) < sum(2 * row.clips for row in rows)


def test_a_set_that_lacks_a_clip_has_no_distance(run_fake: RunFake, tmp_path: Path) -> None:
    run_fake()
    for path in (tmp_path / "store").rglob("*.mkv"):
        path.unlink()
        break
    rows = set_rows(tmp_path / "run", tmp_path / "store", means)
    lacking = [row for row in rows if row.reason]
    assert lacking
    assert all(row.fvd is None and "not all clips" in row.reason for row in lacking)


def test_two_photos_are_too_few(run_fake: RunFake, tmp_path: Path) -> None:
    run_fake("dataset.count=2")
    rows = set_rows(tmp_path / "run", tmp_path / "store", means)
    assert {row.reason for row in rows} == {"2 photos; 3 are the fewest"}


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no readable plan"):
        set_rows(tmp_path, tmp_path, means)


def test_the_command_prints_json_or_a_table(run_fake: RunFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from antibench.metrics.judges import video_features

    run_fake()
    monkeypatch.setitem(video_features.FEATURES, "vgg", lambda frames, sha256: means(frames))
    arguments = [str(tmp_path / "run"), "--store", str(tmp_path / "store")]
    told = json.loads(CliRunner().invoke(distance, [*arguments, "--json"], catch_exceptions=False).stdout)
    assert told["features"] == "vgg"
    rows = set_rows(tmp_path / "run", tmp_path / "store", means)
    assert told["rows"] == [row.as_json() for row in rows]
    table = CliRunner().invoke(distance, arguments, catch_exceptions=False).stdout
    assert "fake-push" in table
    assert f"{rows[0].fvd:.3g}" in table
