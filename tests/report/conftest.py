"""Fixtures of the page's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browsers import browser_path, chromium_of
from film_runs import HERE, film_run
from look_page import look_page
from made_reports import html_of
from playwright.sync_api import Browser

from antibench.registry import load_plugin_file
from antibench.report.html.look import Look
from antibench.report.html.media import look_of
from antibench.report.html.reading import reported
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


@pytest.fixture(scope="session")
def look(film: tuple[RunFolder, Store]) -> Look:
    """What there is to look at in it."""
    return look_of(*film, 18_000_000)


@pytest.fixture(scope="session")
def section_page(look: Look, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of nothing but the pictures section of that run, as a file."""
    page = tmp_path_factory.mktemp("page") / "report.html"
    page.write_text(look_page(look), encoding="utf-8")
    return page


@pytest.fixture(scope="session")
def report_page(film: tuple[RunFolder, Store], look: Look, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of that run, as a file."""
    page = tmp_path_factory.mktemp("whole") / "report.html"
    page.write_text(html_of(reported(film[0].path), look=look), encoding="utf-8")
    return page


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A headless Chromium."""
    with chromium_of(browser_path()) as browser:
        yield browser
