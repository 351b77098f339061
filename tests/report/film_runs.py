"""Running the suite of hand-computable pictures, in this process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from antibench import run as run_module
from antibench.run import Ran, Settings
from antibench.suite_file import load_suite
from antibench.suite_options import Override, assignment

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "harness"))
from fake_runs import inline_pool, with_protection  # noqa: E402

__all__ = ["HERE", "film_run", "with_protection"]


def film_run(folder: Path, *assignments: str, overrides: tuple[Override, ...] = (), name: str = "run") -> Ran:
    """Run it into ``folder/runs/name``, with the store at ``folder/store``."""
    suite = load_suite(str(HERE / "film.toml"), [*overrides, *(assignment(text) for text in assignments)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "local_pool", inline_pool)
        return run_module.run(suite, Settings(folder / "runs" / name, folder / "store"))
