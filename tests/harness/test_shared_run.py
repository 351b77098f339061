"""Several processes that are asked for one run at once, as pytest's workers are: one works, the others wait."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from fake_runs import RunFake, with_protection

from antibench.errors import ExitCode, UserError
from antibench.run import Ran
from antibench.run_folder import RunFolder


def test_two_processes_that_share_a_run_do_it_once_and_one_that_does_not_is_refused(
    run_fake: RunFake, tmp_path: Path
) -> None:
    """While another holds the run, who shares it waits, and then finds it done."""
    folder = RunFolder(tmp_path / "run")
    begun = time.time()
    ended: list[Ran] = []
    with folder.locked():
        with pytest.raises(UserError, match="another process is writing this run"):
            run_fake()
        waiting = threading.Thread(target=lambda: ended.append(run_fake(shared_since=begun)))
        waiting.start()
        time.sleep(0.5)
        assert not ended
        assert waiting.is_alive()
    waiting.join(120)
    assert ended[0].computed > 0
    assert run_fake(shared_since=begun).computed == 0


def test_failed_cells_are_tried_again_unless_they_were_just_tried(run_fake: RunFake, tmp_path: Path) -> None:
    broken = with_protection("fake-broken", how="raise")
    begun = time.time()
    first = run_fake(overrides=(broken,), shared_since=begun)
    assert first.exit_code == ExitCode.CELLS_FAILED
    assert run_fake(overrides=(broken,), shared_since=begun).computed == 0
    assert run_fake(overrides=(broken,), shared_since=time.time() + 1).computed > 0
    assert run_fake(overrides=(broken,)).computed > 0
