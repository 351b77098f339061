"""Fixtures of the harness's tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_runs import PLUGINS, RunFake, fake_suite, inline_pool

from antibench import run as run_module
from antibench.registry import load_plugin_file
from antibench.run import Ran, Settings
from antibench.suite_options import Override


@pytest.fixture(autouse=True, scope="session")
def fake_plugins() -> None:
    load_plugin_file(PLUGINS)


@pytest.fixture
def run_fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFake:
    """Run the fake suite in this process; `out` and `store` are names under the test's own folder."""
    monkeypatch.setattr(run_module, "local_pool", inline_pool)

    def go(
        *assignments: str, overrides: tuple[Override, ...] = (), out: str = "run", store: str = "store", **options: Any
    ) -> Ran:
        suite = fake_suite(*assignments, overrides=overrides)
        return run_module.run(suite, Settings(tmp_path / out, tmp_path / store, **options))

    return go
