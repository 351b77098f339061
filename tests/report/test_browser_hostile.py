"""Names and captions that would be markup, pictures that are missing, and a browser that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from browsers import browser_path, opened
from bs4 import BeautifulSoup
from film_frames import HOSTILE, CountingModel, disc
from film_runs import film_run
from look_page import look_page
from playwright.sync_api import Browser, Page
from test_browser_look import choose, headings, settle

from antibench.report.html import films
from antibench.report.html.look import Look, without_pictures
from antibench.report.html.media import look_of
from antibench.report.html.medium import Medium, data_uri
from antibench.report.stored import StoredRun
from antibench.run_folder import RunFolder
from antibench.store import Store


@pytest.fixture(scope="module")
def hostile_look(film_plugins: None, tmp_path_factory: pytest.TempPathFactory) -> Look:
    """Of a run whose photos are called and described by markup, and whose store has lost the first purified clip."""
    folder = tmp_path_factory.mktemp("hostile")
    chosen = ("dataset.hostile=true", "dataset.count=2", "budgets=[8]", 'models=["film-seven"]')
    run, store = RunFolder(film_run(folder, *chosen).folder), Store(folder / "store")
    stored = StoredRun(run, store)
    cells = (cell for cell in stored.cells if (cell.protection, cell.purification) == ("film-tilt", "jpeg(50)"))
    job = stored.job(next(cells))
    assert job is not None
    assert job.video is not None
    (store.folder / job.video[:2] / f"{job.video[2:]}.mkv").unlink()
    return look_of(run, store, 18_000_000)


@pytest.fixture
def page(chromium: Browser, hostile_look: Look, tmp_path: Path) -> Iterator[Page]:
    file = tmp_path / "hostile.html"
    file.write_text(look_page(hostile_look), encoding="utf-8")
    with opened(chromium, file) as page:
        settle(page)
        yield page


def test_markup_in_names_and_captions_is_text(page: Page, hostile_look: Look) -> None:
    assert page.evaluate("window.hacked") is None
    name, caption = f"disc-0{HOSTILE}", HOSTILE
    detail = f"{name}, made on film-seven, animated by film-seven · {caption}"
    assert page.locator("#look .look-detail").evaluate("(one) => one.textContent") == detail
    assert page.locator("#look-photo option").first.evaluate("(one) => one.textContent") == name
    assert page.locator("#look .look-medium").first.get_attribute("alt") == f"The clean photo {name}"
    assert name in (page.locator("#look-state").text_content() or "")
    page.locator("#look-photo").select_option(index=1)
    settle(page)
    assert f"disc-1{HOSTILE}, made on" in (page.locator("#look .look-detail").text_content() or "")
    assert page.locator("#look script").count() == 1 + len(hostile_look.media)
    assert page.evaluate("document.querySelectorAll('script').length") == 2 + len(hostile_look.media)
    page.reload()  # with the name in the address
    settle(page)
    assert f"disc-1{HOSTILE}, made on" in (page.locator("#look .look-detail").text_content() or "")
    assert page.evaluate("window.hacked") is None


def test_markup_is_text_for_a_parser_too(hostile_look: Look) -> None:
    soup = BeautifulSoup(look_page(hostile_look), "html.parser")
    assert not soup.find_all(lambda tag: any(name.startswith("on") for name in tag.attrs))
    assert [tag["src"] for tag in soup.find_all(src=True)] == []
    assert len(soup.find_all("script")) == 2 + len(hostile_look.media)


def test_what_is_missing_has_a_place_and_a_name(page: Page, hostile_look: Look) -> None:
    (missing,) = hostile_look.missing
    assert missing.endswith(", made on film-seven, then jpeg(50): not in the store any more")
    gone = page.locator("#look .look-gone")
    assert gone.count() == 1
    assert gone.text_content() == missing
    assert page.locator("#look video").count() == 3
    box = gone.bounding_box()
    assert box is not None
    assert box["width"] == pytest.approx(box["height"], abs=1)  # holds the place of a picture
    assert page.locator("#look .look-missing li").text_content() == missing
    assert page.locator("#look .look-missing summary").inner_text() == "Not to be seen (1)"


def test_a_choice_that_the_run_has_not_says_so(chromium: Browser, look: Look, tmp_path: Path) -> None:
    views = tuple(view for view in look.views if vars(view.place)["purification"] == "none" or "tilt" in view.heading)
    file = tmp_path / "some.html"
    file.write_text(look_page(replace(look, views=views)), encoding="utf-8")
    with opened(chromium, file) as page:
        choose(page, "protection", "film-rows")
        assert headings(page) == []
        assert page.locator("#look-state").inner_text() == "Nothing in this run matches this choice."
        size = page.locator("#look-state").bounding_box()
        assert size is not None
        assert size["width"] > 100  # seen, not only heard
        choose(page, "purification", "none")
        assert headings(page) == ["film-rows at 4 levels"]


def test_where_films_cannot_be_made_animations_play_on_their_own(
    chromium: Browser, hostile_look: Look, tmp_path: Path
) -> None:
    clip = CountingModel("film-seven", (32, 32), 7, 6.0).generate(disc(0), "", 0)
    animation = Medium("animation", data_uri(films._animation(clip, 6.0), "image/webp"), 32, 32, (32, 32), 7, 6.0)
    media = tuple(animation if medium.kind == "video" else medium for medium in hostile_look.media)
    file = tmp_path / "animated.html"
    file.write_text(look_page(replace(hostile_look, media=media)), encoding="utf-8")
    with opened(chromium, file, reduced_motion="no-preference") as page:
        page.wait_for_function("[...document.querySelectorAll('#look img')].every((image) => image.naturalWidth)")
        assert page.locator("#look video").count() == 0
        assert page.locator("#look .look-clips img").count() == 3
        assert page.locator("#look-play").is_disabled()
        assert page.locator("#look-frame").is_disabled()
        assert page.locator("#look-swap").is_enabled()


def test_a_section_without_pictures_says_why_and_needs_no_script(chromium: Browser, tmp_path: Path) -> None:
    file = tmp_path / "none.html"
    file.write_text(look_page(without_pictures("Nothing <b>here</b>.", ["a clip: gone"])), encoding="utf-8")
    with opened(chromium, file) as page:
        assert page.locator("#look .look-said").text_content() == "Nothing <b>here</b>."
        assert page.locator("#look li").text_content() == "a clip: gone"
        assert page.locator("#look select, #look button, #look-rows").count() == 0


def test_without_scripts_the_page_says_what_it_needs(chromium: Browser, report_page: Path) -> None:
    with opened(chromium, report_page, java_script_enabled=False) as page:
        assert "needs JavaScript" in page.locator("#look noscript").inner_text()
        assert page.locator("#look .look-said").is_visible()


def test_a_page_that_asks_for_something_is_caught(chromium: Browser, tmp_path: Path) -> None:
    """What `opened` promises: it sees requests, errors and warnings."""
    file = tmp_path / "bad.html"
    for body in ("<img src='other.png'>", "<script>throw new Error('x')</script>", "<script>console.error(1)</script>"):
        file.write_text(f"<!doctype html><link rel=icon href=data:,>{body}")
        with pytest.raises(AssertionError), opened(chromium, file) as page:
            page.wait_for_timeout(50)


@pytest.fixture
def no_browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("ANTIBENCH_BROWSER", raising=False)


def test_without_a_browser_tests_skip_but_not_in_continuous_integration(
    no_browser: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium"):
        browser_path()
    monkeypatch.setenv("ANTIBENCH_BROWSER", "no-such-browser")
    with pytest.raises(pytest.skip.Exception, match="'no-such-browser' of ANTIBENCH_BROWSER"):
        browser_path()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        browser_path()


def test_a_browser_may_be_named(no_browser: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "google-chrome").touch(mode=0o755)
    assert browser_path() == str(tmp_path / "google-chrome")
    (other := tmp_path / "mine").touch(mode=0o755)
    monkeypatch.setenv("ANTIBENCH_BROWSER", str(other))
    assert browser_path() == str(other)
