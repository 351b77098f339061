"""Mask strategies, prompts and sizes: what users write, and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from bs4 import BeautifulSoup

from antibench.errors import UserError
from antibench.models.opensora.html_text import HtmlText
from antibench.models.opensora.mask_strategy import Group, apply, apply_to_all, parse
from antibench.models.opensora.prompt import cleaned, with_scores
from antibench.models.opensora.sizes import ASPECTS, NUM_FRAMES, SIZES, fps_of, frames_of, size_of

CASES = json.loads((Path(__file__).with_name("golden") / "opensora" / "prompt_cases.json").read_text("utf-8"))["cases"]


def test_numbers_left_out_are_the_defaults() -> None:
    assert parse("") == []
    assert parse("0") == [Group(0, 0, 0, 0, 1, 0.0)]
    assert parse("1, 2,-3;0,0,0,-8,8,0.25") == [Group(1, 2, -3, 0, 1, 0.0), Group(0, 0, 0, -8, 8, 0.25)]


@pytest.mark.parametrize(
    ("strategy", "told"),
    [
        ("0,0,0,0,1,0,7", "7 numbers"),
        ("first", "not numbers"),
        ("0;", "not numbers"),
        ("0,0,0,0,1,2", "edit ratio 2.0"),
        ("0,0,0,0,0", "less than a frame"),
    ],
)
def test_a_strategy_that_cannot_be_read_is_refused(strategy: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse(strategy)


@pytest.mark.parametrize(
    ("strategy", "told"), [("0,1", "reference 1; there are 1"), ("0,0,0,9", "frame 9 of 6"), ("0,0,-3", "frame -3 of")]
)
def test_what_is_not_there_cannot_be_placed(strategy: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        apply(parse(strategy), torch.zeros(1, 6, 1, 1), [torch.zeros(1, 2, 1, 1)])


def test_references_are_written_over_noise_which_stays_as_it_was() -> None:
    noise = torch.full((2, 2, 4, 1, 1), -1.0)
    references = [[torch.full((2, 1, 1, 1), 5.0)], [torch.full((2, 3, 1, 1), 7.0)]]
    start, mask = apply_to_all(["0", "0,0,0,-2,2,0.5"], noise, references, align=None)
    assert (noise == -1).all()
    assert start[:, 0].flatten(1).tolist() == [[5, -1, -1, -1], [-1, -1, 7, 7]]
    assert mask.tolist() == [[0, 1, 1, 1], [1, 1, 0.5, 0.5]]


@pytest.mark.parametrize(
    ("start", "frames", "placed"), [(2, 15, 0), (3, 15, 5), (8, 15, 10), (14, 15, 10), (13, 16, 10)]
)
def test_starts_move_to_the_nearest_chunk_that_is_whole(start: int, frames: int, placed: int) -> None:
    _, mask = apply(parse(f"0,0,0,{start}"), torch.zeros(1, frames, 1, 1), [torch.zeros(1, 1, 1, 1)])
    assert mask.argmin() == placed
    assert mask.sum() == frames - 1


def test_what_a_prompt_says_itself_is_not_added() -> None:
    assert with_scores("a cat", 5.25, 3, "pan left") == (
        "a cat aesthetic score: 5.2. motion score: 3.0. camera motion: pan left."
    )
    assert with_scores("motion score: 9.", None, 3) == "motion score: 9."
    assert with_scores("a cat", None) == "a cat"


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_prompts_are_those_of_the_original(case: dict[str, str]) -> None:
    scored = with_scores(case["prompt"], case["aes"], case["flow"], case["camera_motion"])  # type: ignore[arg-type]
    assert scored == case["with_scores"]
    assert cleaned(scored) == case["cleaned"]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("no markup at all", "no markup at all"),
        ("a <b>bold</b> cat<br/> and<img src='x'>", "a bold cat and"),
        ("x < y & z", "x < y & z"),
        ("&lt;b&gt; &amp; caf&eacute; &#65;&#x42;", "<b> & café AB"),
        ("a &unheard; b &unheard c", "a &unheard b &unheard c"),
        ("<script>if (a) {}</script>seen<style>p {}</style> <!-- not -->too", "seen too"),
        ("</script>seen", "seen"),
    ],
)
def test_text_is_found_in_html(markup: str, text: str) -> None:
    assert HtmlText(markup, features="html.parser").text == text


def test_text_in_html_is_that_of_beautiful_soup() -> None:
    for markup in ("a <b>bold</b> &amp; caf&eacute; &unheard; <!-- x --><script>y</script> < & z", "&#150; &copy 3"):
        assert HtmlText(markup).text == BeautifulSoup(markup, features="html.parser").text


def test_every_resolution_has_every_aspect_in_that_shape() -> None:
    assert all(tuple(sizes) == ASPECTS for sizes in SIZES.values())
    for sizes in SIZES.values():
        for aspect, (height, width) in sizes.items():
            rows, columns = (int(part) for part in aspect.split(":"))
            assert height / width == pytest.approx(rows / columns, rel=0.14)  # 50:27 is 25:12 in truth
    assert size_of("240p", "9:16") == (240, 426)
    assert all(frames % 17 == 0 for frames in NUM_FRAMES.values())


def test_names_that_are_not_there_are_told_with_those_that_are() -> None:
    with pytest.raises(UserError, match=r"resolution '240' is not one of 144p, 240p.*did you mean '240p'"):
        size_of("240", "9:16")
    with pytest.raises(UserError, match="aspect '16x9' is not one of 3:8"):
        size_of("240p", "16x9")
    with pytest.raises(UserError, match="'3s' is neither a number of frames nor"):
        frames_of("3s")
    assert (frames_of("4s"), frames_of("33"), fps_of(1, 24), fps_of(51, 24)) == (102, 33, 120, 24)
