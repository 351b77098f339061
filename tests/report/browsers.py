"""A page in a real headless Chromium, cut off from every network, that must not complain."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ("--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-sync", *QUIET]


def browser_path() -> str:
    """The Chromium to test in; without one the test is skipped, but fails in continuous integration."""
    named = os.environ.get("ANTIBENCH_BROWSER")
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return found
    missing = f"{named!r} of ANTIBENCH_BROWSER" if named else f"none of {', '.join(NAMES)}"
    message = f"no Chromium ({missing}): `apt-get install chromium`, or name one in ANTIBENCH_BROWSER"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@contextmanager
def chromium_of(path: str) -> Iterator[Browser]:
    """A running browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, file: Path, fragment: str = "", **options: Any) -> Iterator[Page]:
    """A page from the disk, without motion unless `options` say otherwise; at the end nothing may have gone wrong.

    Raises:
        AssertionError: the page logged an error or warning, threw, or asked for anything but itself.
    """
    problems: list[str] = []
    context = browser.new_context(offline=True, **{"reduced_motion": "reduce", **options})
    page = context.new_page()
    page.on("console", lambda said: said.type in ("error", "warning") and problems.append(f"console: {said.text}"))
    page.on("pageerror", lambda error: problems.append(f"thrown: {error}"))

    def asked(url: str) -> None:
        if not url.startswith("data:") and url.partition("#")[0] != file.as_uri():
            problems.append(f"asked for {url}")

    page.on("request", lambda request: asked(request.url))
    page.goto(file.as_uri() + fragment)
    yield page
    context.close()
    assert problems == []
