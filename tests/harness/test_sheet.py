"""The contact sheet of a run: which rows it has, and that they are the pictures that were scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake_runs import RunFake

from antibench.errors import UserError
from antibench.report.sheet import GAP, LABEL_WIDTH, draw, main
from antibench.store import Store


def test_a_row_for_each_participant_and_purification_that_was_asked_for(run_fake: RunFake, tmp_path: Path) -> None:
    done, store = run_fake(), Store(tmp_path / "store")
    whole = draw(done.folder, store, None, None, ["clean", "fake-push"], 1)
    bare = draw(done.folder, store, None, None, ["clean", "fake-push"], 1, ["none"])
    one = draw(done.folder, store, None, None, ["fake-push"], 1, ["none"])
    assert whole.height == 2 * bare.height == 4 * one.height
    pictures = np.asarray(bare)[one.height :, LABEL_WIDTH:]
    assert np.array_equal(pictures, np.asarray(one)[:, LABEL_WIDTH:])
    assert (one.width - LABEL_WIDTH - GAP) % one.height == 0  # square pictures: the photo, then the frames


def test_what_the_run_does_not_have_is_named(run_fake: RunFake, tmp_path: Path) -> None:
    done, store = run_fake(), Store(tmp_path / "store")
    with pytest.raises(UserError, match=r"purifications \['jpeg\(75\)'\]"):
        draw(done.folder, store, None, None, [], 1, ["jpeg(75)"])
    with pytest.raises(SystemExit) as stopped:
        main([str(done.folder), "-o", str(tmp_path / "x.png"), "--store", str(tmp_path / "store"), "-p", "nobody"])
    assert stopped.value.code == 4


def test_a_clip_that_the_store_has_lost_is_named(run_fake: RunFake, tmp_path: Path) -> None:
    done, store = run_fake(), Store(tmp_path / "store")
    for clip in store.folder.rglob("*.mkv"):
        clip.unlink()
    with pytest.raises(UserError, match="does not hold clean on photo-0 any more; `antibench run` makes it again"):
        draw(done.folder, store, None, None, ["clean"], 1)
