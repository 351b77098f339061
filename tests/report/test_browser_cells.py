"""The numbers of the tables in a real browser: each opens, by mouse and keys, what it can be computed from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsers import opened
from made_reports import html_of, reported_world, rich_world, with_transfer
from playwright.sync_api import Browser, Locator, Page, expect

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
SERIOUS = ("serious", "critical")
KINDS = (
    "strong-zoo-small-8--worst-case",
    "strong-zoo-small-8--after-jpeg-50",
    "strong-zoo-small-8--best-of",
    "strong-zoo-small-8--adaptive-purifier",
    "strong-zoo-small-8--p-adjusted",
    "strong-zoo-small-8--rank-worst-case",
    "strong-zoo-small-8--means",
    "strong-zoo-small-8--seen-vae-consistency-small",
    "strong-zoo-small-8--photos",
    "strong-zoo-small-8--retained-after-jpeg-50",
    "strong-zoo-small-8--noise",
    "strong-zoo-small-8--worst-noise",
    "strong-zoo-small-8--fdfr-mtcnn--strength",
    "strong-zoo-small-4--curve--worst-area",
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cells")
    path = folder / "report.html"
    path.write_text(html_of(reported_world(folder / "run", rich_world())), encoding="utf-8")
    return path


@pytest.fixture
def page(chromium: Browser, file: Path) -> Iterator[Page]:
    with opened(chromium, file) as page:
        page.locator("#tables details, #figures details").evaluate_all(
            "(all) => all.forEach((one) => (one.open = true))"
        )
        yield page


def link_of(page: Page, fragment: str) -> Locator:
    """A number of a table below the leaderboard."""
    return page.locator(f".numbers a[href='#{fragment}']").first


def columns_of(table: Locator) -> dict[str, list[str]]:
    """Head -> texts of the cells below it."""
    heads = table.locator("thead th").all_text_contents()
    rows = [row.locator("td").all_text_contents() for row in table.locator("tbody tr").all()]
    return {head: [row[index] for row in rows] for index, head in enumerate(heads)}


def numbers_in(texts: list[str]) -> list[float]:
    return [float(text) for text in texts if re.fullmatch(r"-?\d+\.\d+", text)]


def mean(texts: list[str]) -> float:
    return float(np.mean(numbers_in(texts)))


def test_every_number_of_every_table_opens(page: Page) -> None:
    told: dict[str, Any] = page.evaluate(
        """async () => {
          const told = {};
          const dialog = document.getElementById("doubt");
          for (const link of document.querySelectorAll(".numbers a")) {
            link.click();
            await new Promise((done) => setTimeout(done, 5));
            const fragment = link.getAttribute("href").slice(1);
            const big = dialog.open ? dialog.querySelector(".big").textContent : null;
            const shown = [link.textContent, big, dialog.querySelectorAll("table").length];
            told[fragment] = [...(told[fragment] ?? []), shown];
          }
          return told;
        }"""
    )
    assert len(told) > 200
    for fragment, cells in told.items():
        for text, big, tables in cells:
            assert big is not None, fragment
            assert tables > 0 or text == "-", fragment
            if not fragment.endswith("--means"):  # among these are single photos'
                assert_contains(big, text, fragment)


def assert_contains(big: str, text: str, fragment: str) -> None:
    """The number that was pressed is the one that is shown, there with fewer digits."""
    if text == "-":
        assert big == "-", fragment
        return
    numbers = re.findall(r"-?\d+(?:\.\d+)?", text.partition("±")[0].partition("[")[0] or text)
    shown = [float(item) for item in re.findall(r"-?\d+(?:\.\d+)?", big)]
    for item in numbers:
        digits = len(item.partition(".")[2])
        assert any(abs(float(item) - value) <= 0.51 * 10**-digits + 5e-4 for value in shown), (fragment, text, big)
    if not numbers:
        assert text in big, fragment  # the letters of a rank's group


@pytest.mark.parametrize("fragment", KINDS)
def test_a_number_opens_by_keys_and_gives_the_focus_back(page: Page, fragment: str) -> None:
    link = link_of(page, fragment)
    link.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("heading", level=2)).to_be_focused()
    facts = dialog.locator("dl.pairs").first.inner_text()
    for told in ("metric", "photos", "seeds", "0, 1"):
        assert told in facts
    assert "Card and citation" in dialog.inner_text()
    assert "antibench run" in dialog.inner_text() or "No command:" in dialog.inner_text()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(link).to_be_focused()


@pytest.mark.parametrize(
    ("fragment", "options"),
    [(fragment, {}) for fragment in KINDS]
    + [(fragment, options) for fragment in KINDS[2::4] for options in ({"color_scheme": "dark"}, PHONE)],
)
def test_an_open_number_has_no_serious_fault(
    chromium: Browser, file: Path, fragment: str, options: dict[str, Any]
) -> None:
    with opened(chromium, file, f"#{fragment}", **options) as page:
        dialog = page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        dialog.locator("details").evaluate_all("(all) => all.forEach((one) => (one.open = true))")
        faults = [item["id"] for item in Axe().run(page).response["violations"] if item["impact"] in SERIOUS]
        assert faults == []


def test_open_tables_have_no_serious_fault(page: Page) -> None:
    faults = [item["id"] for item in Axe().run(page).response["violations"] if item["impact"] in SERIOUS]
    assert faults == []


def test_a_strength_is_the_mean_of_its_photos(page: Page) -> None:
    link = link_of(page, "strong-zoo-small-8--after-jpeg-50")
    link.click()
    table = page.locator("#doubt-body table")
    expect(table.locator("caption")).to_have_text("ism0[dlib] after jpeg(50)")
    columns = columns_of(table)
    assert columns["seed"] == ["0", "1"] * 8
    protected, clean, stranger = (
        np.array(numbers_in(columns[side])).reshape(8, 2).mean(axis=1) for side in ("protected", "clean", "stranger")
    )
    span = (clean - stranger).mean()
    assert numbers_in(columns["strength"]) == pytest.approx(((clean - protected) / span).tolist(), abs=1e-3)
    big = page.locator("#doubt .big").inner_text()
    assert float(big.split()[0]) == pytest.approx(mean(columns["strength"]), abs=1e-3)
    assert float(link.inner_text().split()[0]) == pytest.approx(mean(columns["strength"]), abs=6e-3)
    assert "noise band" in page.locator("#doubt dl").first.inner_text()
    assert "95% interval" in page.locator("#doubt dl").first.inner_text()


@pytest.mark.parametrize("name", ["worst-case", "best-of", "adaptive-purifier", "fdfr-mtcnn--worst-case"])
def test_a_number_is_the_mean_of_what_each_photo_adds(page: Page, name: str) -> None:
    link = link_of(page, f"strong-zoo-small-8--{name}")
    link.click()
    columns = columns_of(page.locator("#doubt-body table").first)
    assert len(columns["photo"]) == 8
    assert float(page.locator("#doubt .big").inner_text().split()[0]) == pytest.approx(mean(columns["adds"]), abs=1e-3)
    if "worst" not in name:
        page.locator("#doubt summary", has_text="What the choice looks at").click()
        costs = columns_of(page.locator("#doubt-body details").first.locator("table"))
        names = [head for head in costs if head != "photo"]
        least = np.array([numbers_in(costs[head]) for head in names]).argmin(axis=0)
        assert columns["chosen"] == [names[index] for index in least]
    page.get_by_text("Scores of each photo").click()
    captions = page.locator("#doubt-body details caption").all_inner_texts()
    metric = "fdfr[mtcnn]" if "fdfr" in name else "ism0[dlib]"
    assert {f"{metric}, not purified", f"{metric} after jpeg(90)", f"{metric} after jpeg(50)"} <= set(captions)


def test_an_area_shows_every_budget(page: Page) -> None:
    link_of(page, "strong-zoo-small-4--curve--area").click()
    expect(page.locator("#doubt-title")).to_have_text("area of strong on zoo-small over 4, 8 levels")
    columns = columns_of(page.locator("#doubt-body table").first)
    points = [np.array(numbers_in(columns[f"{level} levels"])) for level in (4, 8)]
    assert numbers_in(columns["adds"]) == pytest.approx(((points[0] + points[1]) / 2).tolist(), abs=1.1e-3)
    page.get_by_text("Scores of each photo").click()
    captions = page.locator("#doubt-body details caption").all_inner_texts()
    assert captions == ["ism0[dlib], not purified, 4 levels", "ism0[dlib], not purified, 8 levels"]
    facts = page.locator("#doubt dl").first.inner_text()
    assert "noise band, 4 levels, unpurified" in facts
    assert "noise band, 4 levels, worst case" in facts


def test_a_p_value_shows_differences_and_its_family(page: Page) -> None:
    link = link_of(page, "weak-zoo-small-8--p-adjusted")
    link.click()
    columns = columns_of(page.locator("#doubt-body table").first)
    apart = np.array(numbers_in(columns["weak"])) - np.array(numbers_in(columns["random-sign"]))
    assert numbers_in(columns["difference"]) == pytest.approx(apart.tolist(), abs=1.1e-3)
    page.get_by_text("The other p-values").click()
    family = columns_of(page.locator("#doubt-body details").first.locator("table"))
    assert len(family["protection"]) == 4
    page.get_by_role("dialog").get_by_role("link", name="strong on zoo-small at 4 levels").click()
    expect(page.locator("#doubt-title")).to_have_text("p of strong on zoo-small at 4 levels")
    page.keyboard.press("Escape")
    expect(link).to_be_focused()


def test_a_rank_shows_all_that_are_ranked_and_leads_to_them(page: Page) -> None:
    page.locator("#board a[href='#weak-zoo-small-8--rank-worst-case']").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".big")).to_have_text("1-2, group a")
    ranked, parts = (columns_of(table) for table in dialog.locator("table").all())
    assert ranked["protection"] == ["strong on zoo-small at 8 levels", "weak on zoo-small at 8 levels"]
    assert ranked["rank"] == ["1-2", "1-2"]
    assert ranked["group"] == ["a", "a"]
    for index, value in enumerate(ranked["worst case"]):
        photos = [column[index] for head, column in parts.items() if head != "protection"]
        assert len(photos) == 8
        assert mean(photos) == pytest.approx(float(value), abs=1e-3)
    dialog.get_by_role("link", name="strong on zoo-small at 8 levels").first.click()
    expect(page.locator("#doubt-title")).to_have_text("worst case of strong on zoo-small at 8 levels")


def test_photos_that_do_not_count_say_why(page: Page) -> None:
    link = link_of(page, "weak-zoo-small-8--fdfr-mtcnn--photos")
    assert link.inner_text() == "7/8 INCOMPLETE"
    link.click()
    columns = columns_of(page.locator("#doubt-body table").first)
    assert columns["counts"] == ["yes", "yes", "no", *["yes"] * 5]
    assert columns["why not"][2] == "no face in any frame"


def test_every_number_of_a_run_with_transfer_opens(chromium: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(html_of(reported_world(tmp_path / "run", with_transfer())), encoding="utf-8")
    with opened(chromium, path) as page:
        shut = page.evaluate(
            """async () => {
              const shut = [];
              for (const link of document.querySelectorAll(".numbers a, #board tbody a")) {
                location.hash = link.getAttribute("href");
                await new Promise((done) => setTimeout(done, 5));
                if (!document.getElementById("doubt").open) shut.push(link.getAttribute("href"));
              }
              return shut;
            }"""
        )
        assert shut == []
        page.goto(f"{path.as_uri()}#strong-zoo-small-8--noise")
        assert "clean-reseeded on zoo-small" in page.locator("#doubt-body table").first.inner_text()
