"""The pictures section in a real browser: choosing, playing in step, keys, words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from browsers import opened
from playwright.sync_api import Browser, Page

START = {"photo": "disc-0", "model": "film-seven", "protection": "film-tilt", "surrogate": "film-seven", "budget": "4"}

# Which frame a clip of `CountingModel` shows, by the pixels that are drawn: the white bar stands at 4 n of 32 (or 33).
FRAMES_SHOWN = """() => [...document.querySelectorAll("#look video")].map((video) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0);
  const row = context.getImageData(0, canvas.height >> 1, canvas.width, 1).data;
  const white = (x) => Math.min(row[4 * x], row[4 * x + 1], row[4 * x + 2]) > 170;
  const first = [...Array(canvas.width).keys()].find(white);
  const unit = video.videoWidth === 128 ? 4 : 7;
  return first === undefined ? -1 : Math.round(first / unit / 4);
})"""
SETTLED = """() => [...document.querySelectorAll("#look video")].every((v) => v.readyState >= 2 && !v.seeking)
  && [...document.querySelectorAll("#look img")].every((image) => image.complete && image.naturalWidth > 0)"""


def settle(page: Page) -> None:
    page.wait_for_function(SETTLED)


@pytest.fixture
def page(chromium: Browser, report_page: Path) -> Iterator[Page]:
    """The page, standing still."""
    with opened(chromium, report_page) as page:
        settle(page)
        yield page


def choose(page: Page, name: str, text: str) -> None:
    page.locator(f"#look-{name}").select_option(label=text)
    settle(page)


def headings(page: Page) -> list[str]:
    return page.locator("#look h3").all_inner_texts()


def titles(page: Page) -> list[str]:
    return page.locator("#look .look-title").all_inner_texts()


def frames_shown(page: Page) -> list[int]:
    settle(page)
    return list(page.evaluate(FRAMES_SHOWN))


def fragment(page: Page) -> dict[str, str]:
    _, _, query = page.url.partition("#look?")
    return {name: values[0] for name, values in parse_qs(query).items()}


def test_it_opens_with_one_view_of_photos_and_clips(page: Page) -> None:
    assert headings(page) == ["film-tilt at 4 levels, then jpeg(50)"]
    assert titles(page) == [
        *("clean", "film-tilt", "difference × 8 around grey", "film-tilt, then jpeg(50)"),
        *("clean", "film-tilt", "clean, then jpeg(50)", "film-tilt, then jpeg(50)"),
    ]
    assert page.locator("#look img").count() == page.locator("#look video").count() == 4
    sizes = page.evaluate('[...document.querySelectorAll("#look img")].map((i) => [i.naturalWidth, i.naturalHeight])')
    assert sizes == [[32, 32]] * 4
    assert page.locator("#look-state").inner_text() == (
        "film-tilt at 4 levels, then jpeg(50): disc-0, made on film-seven, animated by film-seven; frame 1 of 7"
    )


def test_photos_are_drawn_to_the_pixel(page: Page) -> None:
    """The difference of a tilt is two flat halves; a browser that scaled or coloured it would show."""
    levels = page.evaluate("""() => {
      const image = document.querySelector('#look [data-slot="difference"] img');
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
      const context = canvas.getContext("2d");
      context.drawImage(image, 0, 0);
      const data = context.getImageData(0, 0, 32, 32).data;
      return [data[0], data[1], data[4 * 31], data[4 * 31 + 2], data[4 * 15], data[4 * 16]];
    }""")
    assert levels == [96, 96, 160, 160, 96, 160]
    assert page.locator("#look img").first.evaluate("(i) => getComputedStyle(i).imageRendering") == "pixelated"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("protection", "film-rows", "film-rows at 4 levels, then jpeg(50)"),
        ("protection", "random-sign (control)", "random-sign at 4 levels, then jpeg(50)"),
        ("protection", "clean-reseeded (control)", "clean-reseeded, then jpeg(50)"),
        ("budget", "8 levels", "film-tilt at 8 levels, then jpeg(50)"),
        ("purification", "gaussian-blur(1)", "film-tilt at 4 levels, then gaussian-blur(1)"),
        ("purification", "none", "film-tilt at 4 levels"),
    ],
)
def test_a_filter_changes_what_is_shown(page: Page, name: str, text: str, expected: str) -> None:
    before = page.locator("#look img").evaluate_all("(all) => all.map((image) => image.src)")
    choose(page, name, text)
    assert headings(page) == [expected]
    after = page.locator("#look img").evaluate_all("(all) => all.map((image) => image.src)")
    assert after[0] == before[0]  # the clean photo
    assert after[1:] != before[1:]
    assert len(after) == (3 if text == "none" else 4)
    assert expected in page.locator("#look-state").inner_text()


def test_photo_model_and_surrogate_are_filters_too(page: Page) -> None:
    detail = page.locator("#look .look-detail")
    choose(page, "photo", "disc-2")
    assert detail.inner_text() == "disc-2, made on film-seven, animated by film-seven · a disc of colour 2"
    choose(page, "surrogate", "film-five")
    assert detail.inner_text() == "disc-2, made on film-five, animated by film-seven · a disc of colour 2"
    choose(page, "model", "film-five")
    assert detail.inner_text() == "disc-2, made on film-five, animated by film-five · a disc of colour 2"
    widths = page.locator("#look video").evaluate_all("(all) => all.map((v) => [v.videoWidth, v.videoHeight])")
    assert widths == [[232, 148]] * 4


def test_all_of_a_filter_are_shown_side_by_side_page_by_page(page: Page) -> None:
    choose(page, "protection", "all 5")
    assert [heading.split()[0] for heading in headings(page)] == [
        *("clean-reseeded,", "film-tilt", "film-rows", "random-sign", "random-lowfreq")
    ]
    assert page.locator("#look-pages").is_hidden()
    choose(page, "budget", "all 2")  # what has no budget is there once
    assert len(headings(page)) == 6
    assert page.locator("#look-page").inner_text() == "1 of 2"
    assert page.locator("#look-earlier").is_disabled()
    first = headings(page)
    page.locator("#look-later").click()
    settle(page)
    assert len(headings(page)) == 3
    assert not set(first) & set(headings(page))
    assert page.locator("#look-later").is_disabled()
    assert page.locator("#look video").count() == 12


def test_the_address_keeps_the_choice_and_brings_it_back(page: Page, chromium: Browser, report_page: Path) -> None:
    assert "#" not in page.url  # as long as nothing was chosen
    choose(page, "protection", "film-rows")
    choose(page, "budget", "all 2")
    assert fragment(page) == {**START, "protection": "film-rows", "budget": "*", "purification": "jpeg(50)"}
    with opened(chromium, report_page, page.url[page.url.index("#") :]) as again:
        settle(again)
        assert headings(again) == headings(page) == [f"film-rows at {n} levels, then jpeg(50)" for n in (4, 8)]
    with opened(chromium, report_page, "#look?protection=nobody&photo=disc-1&evil=%3Cb%3E") as other:
        assert headings(other) == ["film-tilt at 4 levels, then jpeg(50)"]
        assert "disc-1" in other.locator("#look .look-detail").inner_text()
    page.evaluate("location.hash = '#look?protection=film-tilt'")
    page.wait_for_function("document.querySelector('#look h3').textContent.startsWith('film-tilt')")


def test_films_have_frames_and_seeking_changes_the_pixels(page: Page) -> None:
    states = page.locator("#look video").evaluate_all(
        "(all) => all.map((v) => [v.readyState >= 2, v.videoWidth, v.videoHeight, v.muted, v.error, v.duration])"
    )
    assert [state[:5] for state in states] == [[True, 128, 128, True, None]] * 4
    assert [state[5] for state in states] == pytest.approx([7 / 6] * 4, abs=0.01)
    for frame in (0, 3, 6, 1):
        page.locator("#look-frame").fill(str(frame))
        assert frames_shown(page) == [frame] * 4
        assert page.locator("#look-count").inner_text() == f"frame {frame + 1} of 7"
        assert page.locator("#look-frame").get_attribute("aria-valuetext") == f"frame {frame + 1} of 7"


def test_a_player_shows_the_colours_of_the_clip(page: Page) -> None:
    """The disc of the photo at half its levels; read by another matrix, red and green would be 10 off."""
    colour = page.evaluate("""() => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [128, 128];
      const context = canvas.getContext("2d");
      context.drawImage(document.querySelector('#look [data-slot="clean_clip"] video'), 0, 0);
      return [...context.getImageData(64, 64, 1, 1).data].slice(0, 3);
    }""")
    assert colour == pytest.approx([120, 20, 20], abs=5)


def test_films_of_different_lengths_and_rates_share_one_clock(page: Page) -> None:
    choose(page, "model", "all 2")
    wide = page.locator("#look video").evaluate_all("(all) => all.map((v) => v.videoWidth)")
    assert sorted(set(wide)) == [128, 232]
    assert page.locator("#look-frame").get_attribute("max") == "11"  # 7/6 s at 10 frames a second
    for step in (0, 1, 4, 7, 11):
        page.locator("#look-frame").fill(str(step))
        expected = {128: int(step * 0.6), 232: min(4, step)}
        assert frames_shown(page) == [expected[width] for width in wide]


def test_playing_films_stay_in_step(chromium: Browser, report_page: Path) -> None:
    """Sampled at every repaint of two seconds: no two films are ever more than the frame apart that is on its way."""
    with opened(chromium, report_page, "#look?protection=*", reduced_motion="no-preference") as page:
        settle(page)
        assert page.locator("#look-play").inner_text() == "Pause"  # it began on its own
        samples = page.evaluate(f"""() => new Promise((done) => {{
          const shown = {FRAMES_SHOWN}, samples = [], start = performance.now();
          const sample = (now) => {{
            samples.push(shown());
            if (now - start < 2500) requestAnimationFrame(sample); else done(samples);
          }};
          requestAnimationFrame(sample);
        }})""")
        assert len(samples[0]) == 20
        assert all(0 <= frame < 7 for sample in samples for frame in sample)
        seen = [set(sample) for sample in samples]
        assert set.union(*seen) == set(range(7))  # it went round
        steps = {(n, (n + 1) % 7) for n in range(7)}
        assert all(len(frames) == 1 or any(frames == set(step) for step in steps) for frames in seen)
        page.locator("#look-play").click()
        stopped = frames_shown(page)
        page.wait_for_timeout(400)
        assert page.locator("#look-play").inner_text() == "Play"
        assert frames_shown(page) == stopped
        assert len(set(stopped)) == 1


def test_all_films_wait_for_one_that_is_slow(page: Page) -> None:
    page.locator("#look-play").click()
    page.evaluate("Object.defineProperty(document.querySelectorAll('#look video')[2], 'seeking', { get: () => true })")
    page.wait_for_timeout(100)

    def times() -> list[float]:
        return list(page.locator("#look video").evaluate_all("(all) => all.map((video) => video.currentTime)"))

    held = times()
    assert len(set(held)) == 1
    page.wait_for_timeout(500)  # three frames' time
    assert times() == held
    page.evaluate("delete document.querySelectorAll('#look video')[2].seeking")
    page.wait_for_function("(held) => document.querySelector('#look video').currentTime !== held", arg=held[0])


def test_speed_is_that_of_the_clock(page: Page) -> None:
    def seconds_of_film(speed: str) -> float:
        page.locator("#look-speed").select_option(speed)
        page.locator("#look-frame").fill("0")
        settle(page)
        moved = """async (wait) => {
          const video = document.querySelector("#look video"), play = document.getElementById("look-play");
          const before = video.currentTime;
          play.click();
          await new Promise((done) => setTimeout(done, wait));
          play.click();
          return video.currentTime - before;
        }"""
        return float(page.evaluate(moved, 900))

    slow, normal = seconds_of_film("0.25"), seconds_of_film("1")
    assert 0 <= slow <= 2 / 6 + 0.01
    assert slow < normal
    assert normal >= 2 / 6


def test_keys_step_play_and_choose_while_the_focus_is_there(page: Page) -> None:
    def frame() -> int:
        (only,) = set(frames_shown(page))
        return only

    page.keyboard.press(".")
    assert frame() == 0  # the focus is not in the section
    page.locator("#look-rows").focus()
    for key, expected in ((".", 1), ("ArrowRight", 2), (",", 1), ("ArrowLeft", 0), (",", 6), (".", 0)):
        page.keyboard.press(key)
        assert frame() == expected, key
    page.keyboard.press("End")
    assert frame() == 6
    page.keyboard.press("Home")
    assert frame() == 0
    page.keyboard.press(" ")
    assert page.locator("#look-play").inner_text() == "Pause"
    assert page.locator("#look-state").inner_text().endswith("; playing")
    page.keyboard.press(" ")
    assert page.locator("#look-play").inner_text() == "Play"
    page.keyboard.press("]")
    assert headings(page) == ["film-rows at 4 levels, then jpeg(50)"]
    page.keyboard.press("[")
    page.keyboard.press("[")
    assert headings(page) == ["clean-reseeded, then jpeg(50)"]
    page.locator("#look-speed").focus()
    page.keyboard.press(".")
    assert headings(page) == ["clean-reseeded, then jpeg(50)"]
    assert frame() == frame()


def test_every_control_is_reached_by_tab_and_its_focus_is_seen(page: Page) -> None:
    page.locator("#look-photo").focus()
    reached = []
    for _ in range(13):
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        style = page.evaluate("""(() => { const style = getComputedStyle(document.activeElement);
          return [style.outlineStyle, parseFloat(style.outlineWidth)]; })()""")
        assert style[0] != "none", reached
        assert style[1] >= 2, reached
        page.keyboard.press("Tab")
    names = ("photo", "model", "protection", "surrogate", "budget", "purification")
    controls = ("play", "back", "frame", "on", "speed", "swap", "rows")
    assert reached == [f"look-{name}" for name in (*names, *controls)]


def places(page: Page) -> dict[str, tuple[float, float]]:
    boxes = page.locator("#look .look-slot").evaluate_all(
        "(all) => all.map((s) => [s.dataset.slot, s.getBoundingClientRect().x, scrollY + s.getBoundingClientRect().y])"
    )
    return {slot: (x, y) for slot, x, y in boxes}


def test_swapping_puts_clean_in_the_place_of_protected(page: Page) -> None:
    before = places(page)
    page.locator("#look-rows").focus()
    page.keyboard.down("s")
    after = places(page)
    for a, b in (("clean", "protected"), ("clean_clip", "protected_clip"), ("purified_clean_clip", "purified_clip")):
        assert (after[a], after[b]) == (before[b], before[a])
    assert after["difference"] == before["difference"]
    assert after["purified"] == before["purified"]
    page.keyboard.up("s")
    assert places(page) == before
    button = page.locator("#look-swap")
    box = button.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    assert places(page) == after
    assert button.get_attribute("aria-pressed") == "true"
    page.mouse.up()
    assert places(page) == before
    button.focus()
    for expected in (after, before):  # by keyboard it stays until it is pressed again
        page.keyboard.press("Enter")
        assert places(page) == expected


def test_little_is_made_until_it_is_chosen(page: Page) -> None:
    media = page.locator("script[id^=look-medium-]").count()
    assert media > 400
    assert page.locator("#look img, #look video").count() == 8
    started = page.evaluate("performance.timing.domContentLoadedEventEnd - performance.timing.responseStart")
    assert started < 5000


def test_every_picture_is_said_in_words(page: Page) -> None:
    choose(page, "surrogate", "film-five")
    words = page.locator("#look .look-medium").evaluate_all("(all) => all.map((m) => m.alt || m.ariaLabel)")
    assert words[1] == "Photo disc-0 with film-tilt at 4 levels, made on film-five"
    assert words[2].endswith("amplified 8 times around grey")
    assert words[7] == (
        "Clip that film-seven made of photo disc-0 with film-tilt at 4 levels, made on film-five, then jpeg(50)"
    )
    assert len(set(words)) == 8


def test_on_paper_are_the_photos_and_the_first_frames(page: Page) -> None:
    page.locator("#look-frame").fill("4")
    settle(page)
    page.emulate_media(media="print")
    assert page.locator("#look video").first.is_hidden()
    assert page.locator("#look-play").is_hidden()
    stills = page.locator("#look canvas").evaluate_all("""(all) => all.map((canvas) => {
      const data = canvas.getContext("2d").getImageData(0, 64, 128, 1).data;
      return [canvas.getBoundingClientRect().width > 50, data[4 * 8], data[4 * 80] < 170];
    })""")
    assert len(stills) == 4
    for seen, bar, beside in stills:
        assert (seen, beside) == (True, True)
        assert bar > 200


def test_nothing_of_the_script_is_left_in_the_window(chromium: Browser, section_page: Path) -> None:
    with opened(chromium, section_page) as page:
        names = page.evaluate("""() => {
          const frame = document.createElement("iframe");
          document.body.append(frame);
          const known = new Set(Object.getOwnPropertyNames(frame.contentWindow));
          return Object.getOwnPropertyNames(window).filter((name) => !known.has(name) && !/^\\d+$/.test(name));
        }""")
        assert names == []
