"""Every number of the tables leads to what it is computed from, and can be computed from that again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
from bs4 import Tag
from made_reports import html_of, json_in, reported_world, rich_world, tree_of, with_transfer
from made_up_runs import World
from page_data import PageData

from antibench.report.numbers import DASH, number
from antibench.report.table import Table
from antibench.stats import holm, sign_flip_p

NO_NUMBERS = {"levels", "its strength", "front", "published"}
"""Columns of what was chosen or said, or measured elsewhere, not in this run."""


def lost_scores() -> World:
    world = with_transfer()
    for line in world.cells:
        if (line["protection"], line["case"], line["purification"]) == ("strong", "portrait-0003", "jpeg(50)"):
            line.update(status="failed", value=None, reason="out of memory")
    return world


WORLDS: dict[str, Callable[[], World]] = {"rich": rich_world, "transfer": with_transfer, "lost": lost_scores}


@pytest.fixture(scope="module", params=list(WORLDS))
def html(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return html_of(reported_world(tmp_path_factory.mktemp("cells") / "run", WORLDS[request.param]()))


@pytest.fixture
def data(html: str) -> PageData:
    return PageData(json_in(tree_of(html), "data"))


def numbers_of(html: str) -> list[tuple[str, Tag]]:
    """(head of the column, cell) of every cell below a number's head that holds one."""
    found = []
    for table in tree_of(html).select("#tables table, #figures table"):
        heads = table.select("thead th")
        counts = [head.has_attr("class") and head.text not in NO_NUMBERS for head in heads]
        for row in table.select("tbody tr"):
            cells = zip(heads, counts, row.select("th, td"), strict=True)
            found += [(head.text, cell) for head, numeric, cell in cells if numeric and re.search(r"\d", cell.text)]
    return found


def test_every_number_is_a_link_to_what_is_behind_it(html: str, data: PageData) -> None:
    cells = numbers_of(html)
    assert len(cells) > 150
    for head, cell in cells:
        assert cell.a is not None, (head, cell.text)
        assert cell.a.text == cell.text
        assert data.number_of(str(cell.a["href"])[1:])


def linked(html: str) -> dict[str, list[str]]:
    """Address -> texts that lead there and say its number; the figure of each photo says one photo's part of it."""
    found: dict[str, list[str]] = {}
    for _, cell in numbers_of(html):
        assert cell.a is not None
        if cell.find_parent(id="figure-paired"):
            continue
        found.setdefault(str(cell.a["href"])[1:], []).append(cell.text)
    return found


def recomputed(data: PageData, fragment: str) -> list[float]:
    """A number, or the two of a pair, from the scores of the photos that the page holds."""
    part = fragment.rpartition("--")[2]
    found = data.number_of(fragment)
    if "trios" in found and not ({"pair", "counted"} & set(found) or part == "floor"):
        return [strength_again(data, part, found)]
    if "pair" in found:
        ours, clean, _ = data.sides(found["trios"][0])
        both = np.isfinite(ours) & np.isfinite(clean)
        return [clean[both].mean(), ours[both].mean()]
    if "plain" in found:
        return [float(np.mean(np.array(data.values(found["plain"]), dtype=np.float64)))]
    if "costs" in found:
        return [median(value for value in found["costs"] if value is not None)]
    if part == "floor":
        return [float(np.nanmean(data.sides(found["trios"][0])[2]))]
    return [whole_photos(data, found)]


def strength_again(data: PageData, part: str, found: dict[str, Any]) -> float:
    """A number that is made of strengths."""
    seen = data.sighted(found["trios"])
    strengths = data.strengths(seen)
    whole = np.isfinite(strengths).all(axis=0)
    if "choice" in found:
        (_, chosen), *_ = found["parts"]
        names = [data.named(trio)[0] for trio in seen]
        least = np.argmin(np.array(found["choice"]["costs"], dtype=np.float64), axis=0)
        assert [names[index] for index in least[whole]] == [name for name in chosen if name]
        return float(np.mean([strengths[names.index(name), photo] for photo, name in enumerate(chosen) if name]))
    if "area" in part:
        levels = sorted({float(note.split()[0]) for note in found["notes"]})
        notes = [
            float(note.split()[0]) for trio, note in zip(found["trios"], found["notes"], strict=True) if trio in seen
        ]
        points = [strengths[[at == level for at in notes]][:, whole].min(axis=0).mean() for level in levels]
        return float(np.trapezoid(points, levels) / (levels[-1] - levels[0]))
    means = strengths[:, whole].mean(axis=1)
    if part == "worst-case":
        return float(strengths[:, whole].min(axis=0).mean())
    if part == "retained":
        return float(means[1:].mean() / means[0])
    if part.startswith("retained-after-"):
        return float(means[1] / means[0])
    assert part in ("excess", "strength") or part.startswith("after-"), part
    return float(means[0] - means[1] if part == "excess" else means[0])


def whole_photos(data: PageData, found: dict[str, Any]) -> int:
    """How many photos have every score."""
    sided = data.data["metrics"][data.data["trios"][found["trios"][0]][1]]["sign"] is not None
    scores = [side for trio in found["trios"] for side in data.sides(trio)[: 3 if sided else 1]]
    counted = np.isfinite(scores).all(axis=0)
    assert found["counted"] == counted.astype(int).tolist()
    return int(counted.sum())


def test_every_number_can_be_computed_from_the_scores_it_leads_to(html: str, data: PageData) -> None:
    checked = set()
    for fragment, texts in linked(html).items():
        part = fragment.rpartition("--")[2]
        if part in ("p-adjusted", "noise", "worst-noise") or part.startswith("rank-"):
            continue
        values = recomputed(data, fragment)
        checked.add(part)
        for text in texts:
            assert_shown(values, text, fragment)
        found = data.number_of(fragment)
        assert found.get("pair", [found.get("value")]) == pytest.approx(values, abs=2e-5), fragment
        if "each" in found:
            assert np.mean([item for item in found["each"] if item is not None]) == pytest.approx(values[0], abs=2e-5)
    assert {"worst-case", "strength", "excess", "means", "floor", "psnr", "seconds", "photos"} <= checked
    assert any(part.startswith("after-jpeg") for part in checked)
    assert any(part.startswith("retained-after-jpeg") for part in checked)


def assert_shown(values: list[float], text: str, fragment: str) -> None:
    """The text's first numbers are these, as far as it writes them out."""
    found = [float(item) for item in re.findall(r"-?\d+(?:\.\d+)?", text)]
    digits = max(len(item) for item in re.findall(r"\d+(?:\.(\d+))?", text))
    share = 100 if "%" in text else 1
    near = [any(abs(share * value - shown) <= 0.51 * 10**-digits for value in values) for shown in found[: len(values)]]
    assert all(near), (fragment, text, values)


def test_a_photos_own_score_leads_to_the_scores_it_is_among(html: str, data: PageData) -> None:
    rows = tree_of(html).select("#figure-paired tbody tr")
    assert rows
    for row in rows:
        _, photo, *scores = row.select("th, td")
        for score, side in zip(scores, (1, 0), strict=True):
            (trio,) = data.number_of(str(score.a["href"])[1:])["trios"] if score.a else ()
            assert float(score.text) == pytest.approx(
                data.sides(trio)[side][data.data["cases"].index(photo.text)], abs=6e-4
            )


def test_areas_and_choosers_are_among_the_numbers(tmp_path: Path) -> None:
    found = linked(html_of(reported_world(tmp_path / "run", rich_world())))
    parts = {fragment.rpartition("--")[2] for fragment in found}
    assert {"area", "worst-area", "best-of", "adaptive-purifier", "retained", "rank-worst-case", "p-adjusted"} <= parts
    assert {"own-input-ism-own-input-dlib", "seen-ism-photo-dlib"} <= parts
    assert "strong-zoo-small-4--curve--worst-area" in found
    assert "strong-zoo-small-4--fdfr-mtcnn--worst-case" in found


def test_p_is_that_of_the_photos_differences_and_its_family(html: str, data: PageData) -> None:
    own = {fragment: data.number_of(fragment) for fragment in linked(html) if fragment.endswith("--p-adjusted")}
    assert len(own) > 1
    plain = []
    for fragment, found in own.items():
        (_, ours), (_, theirs) = found["parts"]
        expected = [None if None in pair else pair[0] - pair[1] for pair in zip(ours, theirs, strict=True)]
        assert [item is None for item in found["each"]] == [item is None for item in expected]
        assert [item for item in found["each"] if item is not None] == pytest.approx(
            [item for item in expected if item is not None], abs=2e-6
        )
        plain.append(sign_flip_p(np.array([item for item in found["each"] if item is not None])))
        assert data.line_of(fragment)["p"][0] == pytest.approx(plain[-1], abs=1e-6)
    adjusted = [found["value"] for found in own.values()]
    assert adjusted == pytest.approx(holm(plain), abs=1e-6)


def test_a_rank_leads_to_all_that_are_ranked_with_it(tmp_path: Path) -> None:
    html = html_of(reported_world(tmp_path / "run", with_transfer()))
    data = PageData(json_in(tree_of(html), "data"))
    found = linked(html)
    assert found["strong-zoo-small-8--rank-worst-case"] == ["1"]
    line = data.line_of("strong-zoo-small-8--rank-worst-case")
    assert line["ranks"] == {"worst_case": ["1", "a"], "strength": ["1", "a"]}
    among = [id_ for id_, other in data.data["lines"].items() if other.get("ranked") == line["ranked"]]
    assert among == ["strong-zoo-small-8", "weak-zoo-small-8"]
    board = tree_of(html).select("#board a[href$='--rank-worst-case']")
    assert [link.text.split() for link in board] == [["1", "a"], ["2", "b"]]


def test_the_same_number_is_told_once(html: str) -> None:
    """What stands in the leaderboard and in a table has one address, the leaderboard's."""
    board = {str(link["href"])[1:] for link in tree_of(html).select("#board a")}
    shared = {
        fragment for fragment in linked(html) if re.search(r"8--(worst-case|strength|excess|psnr|seconds)$", fragment)
    }
    assert len(shared) > 10
    assert shared <= board


def test_a_dash_leads_to_its_reason(html: str, data: PageData) -> None:
    dashes = [str(link["href"])[1:] for link in tree_of(html).select(".numbers a") if link.text == DASH]
    assert dashes
    for fragment in dashes:
        assert data.number_of(fragment)["reason"], fragment


def test_what_was_not_shown_says_so(tmp_path: Path) -> None:
    html = html_of(reported_world(tmp_path / "run", with_transfer()))
    data = PageData(json_in(tree_of(html), "data"))
    dashes = [str(link["href"])[1:] for link in tree_of(html).select("#tables a") if link.text == DASH]
    away = "strong-from-zoo-small-other-small-8--worst-case"
    assert away in dashes
    assert data.number_of(away)["reason"] == "the suite does not show it under jpeg(90), jpeg(50)"


def test_a_lost_score_is_told_where_its_number_stands(tmp_path: Path) -> None:
    html = html_of(reported_world(tmp_path / "run", lost_scores()))
    data = PageData(json_in(tree_of(html), "data"))
    (trio,) = data.number_of("strong-zoo-small-8--after-jpeg-50")["trios"]
    assert data.odd(data.data["trios"][trio][2]) == {3: ("failed", "out of memory")}
    photos = data.number_of("strong-zoo-small-8--photos")
    assert photos["counted"] == [1, 1, 1, 0, 1, 1, 1, 1]
    assert linked(html)["strong-zoo-small-8--photos"] == ["7/8 INCOMPLETE"]


def test_scores_are_held_once(tmp_path: Path) -> None:
    data = json_in(tree_of(html_of(reported_world(tmp_path / "run", rich_world()))), "data")
    assert len({tuple(trio) for trio in data["trios"]}) == len(data["trios"])
    used = {index for trio in data["trios"] for index in trio[2:5] if index is not None}
    used |= {
        found["plain"] for line in data["lines"].values() for found in line["numbers"].values() if "plain" in found
    }
    assert used == set(range(len(data["places"])))


def test_a_cell_is_its_text_where_nothing_can_be_opened(tmp_path: Path) -> None:
    """Formats other than HTML see text."""
    from antibench.report.table import Cell, Origin, RowKey

    origin = Origin(RowKey("m", "p", None, "t", 8), "strength")
    table = Table("title", ["a", "b"], [["x", Cell(number(0.5), origin)]])
    assert table.rows == [["x", "0.50"]]
