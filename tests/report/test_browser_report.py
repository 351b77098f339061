"""The page's tables, numbers and figures in a real browser: what is sorted, chosen, opened and drawn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsers import opened
from made_reports import TWO, html_of, relabelled, reported_world, with_transfer
from made_up_runs import World
from playwright.sync_api import Browser, Page, expect

from antibench.report.html.reading import Reported
from antibench.report.numbers import number

HOSTILE = """</script><img src=x onerror="window.hacked = 1">"""
DRAWN = "() => [...document.querySelectorAll('.chart')].every((one) => one.querySelector('svg[aria-hidden] path'))"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    world = with_transfer()
    world.cells[5].update(status="failed", value=None, reason="out of memory")
    return reported_world(tmp_path_factory.mktemp("browser") / "run", world)


@pytest.fixture(scope="module")
def file(run: Reported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html_of(run), encoding="utf-8")
    return path


@pytest.fixture
def page(chromium: Browser, file: Path) -> Iterator[Page]:
    with opened(chromium, file) as page:
        yield page


def names(page: Page) -> list[str]:
    return [row.split("\n")[0].strip() for row in page.locator("#board tbody tr:visible th").all_inner_texts()]


def head(page: Page, name: str) -> Any:
    return page.locator("#board thead th", has_text=name)


def test_a_head_sorts_down_then_up_and_says_so(page: Page) -> None:
    column = head(page, "unpurified")
    column.get_by_role("button").click()
    assert column.get_attribute("aria-sort") == "descending"
    down = names(page)
    assert down[:2] == ["strong", "weak"]
    column.get_by_role("button").press("Enter")
    assert column.get_attribute("aria-sort") == "ascending"
    assert names(page)[-1] == "strong"
    head(page, "protection").get_by_role("button").click()
    assert column.get_attribute("aria-sort") == "none"
    assert names(page) == sorted(names(page))


def test_what_has_no_number_stays_last(page: Page) -> None:
    for _ in range(2):
        head(page, "psnr").get_by_role("button").click()
        assert set(names(page)[:2]) == {"strong", "weak"}
        assert all(name.endswith("control") for name in names(page)[2:])  # the world measures none on controls


def test_rows_are_chosen_by_model_role_and_name(page: Page) -> None:
    assert len(names(page)) == 8  # what was made on another model is asked for
    page.get_by_label("controls").uncheck()
    assert names(page) == ["strong", "weak"]
    page.get_by_label("made on another model").check()
    page.locator("#filters select[name=model]").select_option("other-small")
    assert names(page) == ["strong from zoo-small", "weak from zoo-small"]
    page.get_by_role("searchbox").fill("WEAK")
    assert names(page) == ["weak from zoo-small"]
    expect(page.locator("#shown")).to_have_text("1 of 10 rows")


def test_a_number_opens_its_scores_and_its_command(page: Page, run: Reported) -> None:
    link = page.locator("#board a[href='#strong-zoo-small-8--worst-case']")
    link.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("heading", level=2)).to_be_focused()
    row = next(row for row in run.rows if row["protection"] == "strong" and not row["transfer"])
    text = dialog.inner_text()
    assert f"{number(row['worst_case'], 3)} [{number(row['worst_low'], 3)}, {number(row['worst_high'], 3)}]" in text
    assert "8 of 8" in text or "7 of 8" in text
    dialog.get_by_text("Scores of each photo").click()
    tables = dialog.locator("details table")
    assert tables.locator("caption").all_inner_texts() == [
        "ism0[dlib], not purified",
        "ism0[dlib] after jpeg(90)",
        "ism0[dlib] after jpeg(50)",
    ]
    first = tables.nth(0).locator("tbody tr").nth(0).locator("td").all_inner_texts()
    scores = {
        line["protection"]: line["value"]
        for line in run.run.cells
        if (line["case"], line["metric"], line["purification"], line["target"])
        == ("portrait-0000", "ism0[dlib]", "none", "zoo-small")
    }
    assert first[:2] == ["portrait-0000", "0"]
    assert first[2] == f"{scores['strong']:.4f}"
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(link).to_be_focused()
    assert page.evaluate("location.hash") == ""


def test_a_link_to_a_number_opens_it(chromium: Browser, file: Path) -> None:
    with opened(chromium, file, "#weak-zoo-small-8--transfer") as page:
        dialog = page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        dialog.get_by_role("link", name="weak from zoo-small on other-small at 8 levels").click()
        expect(page.locator("#doubt-title")).to_have_text("strength of weak from zoo-small on other-small at 8 levels")
        dialog.get_by_text("Card and citation: weak@1").click()
        dialog.get_by_role("link", name="in the list of methods").click()
        expect(dialog).to_be_hidden()
        expect(page.locator("#card-protections-weak")).to_be_visible()


def test_every_number_opens_without_an_error(page: Page) -> None:
    shut = page.evaluate(
        """async () => {
          const wrong = [];
          for (const link of document.querySelectorAll("#board tbody a")) {
            location.hash = link.getAttribute("href");
            await new Promise((done) => setTimeout(done, 10));
            if (!document.getElementById("doubt").open) wrong.push(link.getAttribute("href"));
          }
          return wrong;
        }"""
    )
    assert shut == []


def test_figures_are_drawn_in_the_colours_of_the_page(page: Page) -> None:
    for chart in page.locator(".chart").all():
        chart.scroll_into_view_if_needed()
    page.wait_for_function(DRAWN)
    title = ".chart svg .role-axis-title text"
    before = page.locator(title).first.get_attribute("fill")
    page.get_by_role("button", name="Switch between light and dark").click()
    page.wait_for_function(
        f"(before) => document.querySelector('{title}')?.getAttribute('fill') !== before", arg=before
    )
    page.wait_for_function(DRAWN)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 22, 26)"


def test_an_open_number_has_no_fault_of_accessibility(page: Page) -> None:
    page.locator("#board a[href$='--worst-case']").first.click()
    page.get_by_text("Scores of each photo").click()
    found = Axe().run(page).response["violations"]
    assert [item["id"] for item in found if item["impact"] in ("serious", "critical")] == []


def test_a_hostile_run_does_nothing(chromium: Browser, tmp_path: Path) -> None:
    names = {"strong": f"{HOSTILE}label", "portrait-0001": f"{HOSTILE}photo", "jpeg(50)": f"{HOSTILE}purification"}
    world = World(TWO, noise=0.03)
    for line in world.cells:
        if line["protection"] == "strong" and line["case"] == "portrait-0001":
            line.update(status="failed", value=None, reason=f"{HOSTILE}reason")
    file = tmp_path / "page.html"
    file.write_text(html_of(reported_world(tmp_path / "run", relabelled(world, names))), encoding="utf-8")
    with opened(chromium, file) as page:
        for chart in page.locator(".chart").all():
            chart.scroll_into_view_if_needed()
        page.wait_for_function(DRAWN)
        page.locator("#board a", has_text="INCOMPLETE").first.click()
        page.evaluate("document.getElementById('doubt').close()")
        link = page.locator("#board tbody tr", has_text="label").locator("a").first
        link.click()
        text = page.locator("#doubt").evaluate("(one) => one.textContent")
        for part in ("label", "photo", "purification", "reason"):
            assert HOSTILE + part in text
        page.keyboard.press("Escape")
        page.locator(".chart svg path.mark-symbol, .chart svg .mark-symbol path").first.hover(force=True)
        assert page.locator("img").count() == 0
        assert page.evaluate("window.hacked") is None
