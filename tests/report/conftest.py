"""Fixtures of the page's tests."""

from __future__ import annotations

import pytest
from film_runs import HERE, film_run

from antibench.registry import load_plugin_file
from antibench.run_folder import RunFolder
from antibench.store import Store


@pytest.fixture(autouse=True, scope="session")
def film_plugins() -> None:
    load_plugin_file(HERE / "film_plugins.py")


@pytest.fixture(scope="session")
def film(film_plugins: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, Store]:
    """A run of three photos, two protections at two budgets on two models, before two purifications; and its store."""
    folder = tmp_path_factory.mktemp("film")
    done = film_run(folder)
    return RunFolder(done.folder), Store(folder / "store")
