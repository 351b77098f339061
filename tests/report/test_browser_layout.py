"""How the page lies on a screen: on a phone, in light and dark, for those who use it by other means."""

from __future__ import annotations

import io
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsers import opened
from PIL import Image
from playwright.sync_api import Browser, Page
from test_browser_look import choose, settle

WIDE = {"viewport": {"width": 1200, "height": 900}}
DARK = {**WIDE, "color_scheme": "dark"}
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
STORED = Path(__file__).parent / "look_layout.png"
"""`#look` at 1200 pixels, scaled down to 40 x 40 greys; written anew if ANTIBENCH_KEEP_LAYOUT is set."""
TOLERANCE = 10.0
"""Grey levels on average: other fonts cost 1 to 8, the smallest part that is missing 18, as all below it moves."""


def boxes(page: Page, selector: str) -> list[tuple[float, float, float, float]]:
    """Left, top, width and height of all that match, in order."""
    script = (
        "(all) => all.map((one) => one.getBoundingClientRect()).map((b) => [b.x, scrollY + b.y, b.width, b.height])"
    )
    return [tuple(box) for box in page.locator(selector).evaluate_all(script)]


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@pytest.mark.parametrize("choice", ["", "#look?protection=*", "#look?model=*&purification=none"])
@pytest.mark.parametrize("options", [WIDE, DARK, PHONE], ids=["light", "dark", "phone"])
def test_no_serious_accessibility_fault(
    chromium: Browser, report_page: Path, options: dict[str, Any], choice: str
) -> None:
    with opened(chromium, report_page, choice, **options) as page:
        settle(page)
        page.locator("#look details").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")
        found = Axe().run(page).response
        faults = [
            (fault["id"], node["target"], node["failureSummary"])
            for fault in found["violations"]
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"]
        ]
        assert faults == []
        checked = {rule["id"] for rule in found["passes"]}
        assert {"color-contrast", "image-alt", "label", "button-name", "aria-valid-attr"} <= checked


def test_axe_would_see_a_fault(chromium: Browser, report_page: Path) -> None:
    with opened(chromium, report_page, **WIDE) as page:
        settle(page)
        page.evaluate("document.querySelector('#look img').removeAttribute('alt')")
        page.evaluate("document.querySelector('.look-said').style.color = '#ddd'")
        faults = {fault["id"] for fault in Axe().run(page).response["violations"]}
        assert {"image-alt", "color-contrast"} <= faults


@pytest.mark.parametrize("choice", ["", "#look?protection=*"])
def test_on_a_phone_nothing_is_wider_than_the_screen(chromium: Browser, report_page: Path, choice: str) -> None:
    with opened(chromium, report_page, choice, **PHONE) as page:
        settle(page)
        assert page.evaluate("innerWidth") == 360
        assert not scrolls_sideways(page)
        pictures = boxes(page, "#look .look-row:first-child .look-medium")
        assert len(pictures) == 8
        columns = sorted({round(left) for left, _, _, _ in pictures})
        assert len(columns) == 2
        assert all(width > 140 for _, _, width, _ in pictures)
        assert all(left >= 0 and left + width <= 360 for left, _, width, _ in boxes(page, "#look *:not(option)"))
        for _, _, width, height in boxes(page, "#look button:visible, #look select:visible"):
            assert width >= 24  # the least that a finger hits (WCAG 2.2, target size)
            assert height >= 38
        page.evaluate("document.querySelector('.look-rows').style.width = '400px'")
        assert scrolls_sideways(page)  # it would be seen


def test_light_and_dark_both_render(chromium: Browser, report_page: Path) -> None:
    shots = {}
    for name, options in (("light", WIDE), ("dark", DARK)):
        with opened(chromium, report_page, **options) as page:
            settle(page)
            shots[name] = np.asarray(Image.open(io.BytesIO(page.locator("#look").screenshot())).convert("L")).astype(
                int
            )
            colours = page.evaluate(
                "(() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]; })()"
            )
            text, ground = (sum(map(int, colour[4:-1].split(","))) / 3 for colour in colours)
            assert (text < ground) == (name == "light")
    assert np.percentile(shots["light"][:60], 90) > 230
    assert np.percentile(shots["dark"][:60], 90) < 60
    # The pictures are the same in both; the second row of them fills the lower half.
    lower = slice(len(shots["light"]) * 2 // 3, len(shots["light"]) * 3 // 4)
    assert abs(shots["light"][lower] - shots["dark"][lower]).mean() < 25


def test_the_regions_lie_where_they_belong(chromium: Browser, report_page: Path) -> None:
    with opened(chromium, report_page, **WIDE) as page:
        settle(page)
        order = ("#look-title", ".look-said", ".look-filters", ".look-bar", ".look-photos", ".look-clips", ".look-help")
        regions = [boxes(page, f"#look {name}" if name[0] == "." else name)[0] for name in order]
        for (_, top, width, height), (_, below, _, _) in pairwise(regions):
            assert width > 50
            assert height > 15
            assert top + height <= below + 1
        photos, clips = boxes(page, ".look-photos .look-medium"), boxes(page, ".look-clips .look-medium")
        assert len(photos) == len(clips) == 4
        for photo, clip in zip(photos, clips, strict=True):
            assert photo[0] == pytest.approx(clip[0], abs=1)  # a clip stands below its photo
            assert photo[2] == pytest.approx(clip[2], abs=1)
            assert photo[2] == pytest.approx(photo[3], abs=1)  # as square as the photo
        assert all(b[0] > a[0] + a[2] for a, b in pairwise(photos))
        choose(page, "protection", "all 5")
        first_photos, first_clips = boxes(page, ".look-photos")[0], boxes(page, ".look-clips")[0]
        assert first_photos[1] == first_clips[1]  # side by side, so that more views are seen at once
        assert first_clips[0] > first_photos[0] + first_photos[2]


def coarse(page: Page) -> np.ndarray:
    shot = Image.open(io.BytesIO(page.locator("#look").screenshot())).convert("L")
    return np.asarray(shot.resize((40, 40), Image.Resampling.BOX)).astype(float)


@pytest.mark.parametrize("part", [".look-said", ".look-filters", ".look-bar", ".look-photos", ".look-clips"])
def test_a_screenshot_is_grossly_what_it_was_and_a_missing_part_would_show(
    chromium: Browser, report_page: Path, part: str
) -> None:
    with opened(chromium, report_page, "#look?protection=film-tilt&budget=8", **WIDE) as page:
        settle(page)
        now = coarse(page)
        if os.environ.get("ANTIBENCH_KEEP_LAYOUT"):
            Image.fromarray(now.astype(np.uint8)).save(STORED)
        stored = np.asarray(Image.open(STORED)).astype(float)
        assert abs(now - stored).mean() < TOLERANCE
        page.evaluate("(part) => document.querySelectorAll(part).forEach((one) => one.remove())", part)
        assert abs(coarse(page) - stored).mean() > TOLERANCE
