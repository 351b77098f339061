"""The page of a run: its numbers are those of `antibench show`, and whatever comes from users is text."""

from __future__ import annotations

import getpass
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from made_reports import TWO, element, html_of, json_in, relabelled, reported_world, tree_of, with_transfer
from made_up_runs import World
from run_folders import write

from antibench.contracts import Card
from antibench.registry import PROTECTIONS
from antibench.report.html.page import Page, parts_of
from antibench.report.html.reading import Reported, reported
from antibench.report.html.rendering import POLICY, TEMPLATES, files, script_json
from antibench.report.numbers import number

SCRIPTS = 4
"""Data, specifications, Vega and the page's own."""
HOSTILE = """</td></script><script>alert(1)</script><img src=x onerror="alert(2)">'&amp;{{ 7191*7 }}"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    return reported_world(tmp_path_factory.mktemp("page") / "run", with_transfer())


@pytest.fixture(scope="module")
def html(run: Reported) -> str:
    return html_of(run)


def test_the_top_is_the_answer_the_world_and_the_level(run: Reported, html: str) -> None:
    tree = tree_of(html)
    assert "; ".join(item.text for item in tree.select("h1, .lead")) == run.summary["answer"]
    facts = {item.dt.text: item.dd.text for item in tree.select(".facts > div")}
    assert facts["World"].startswith("small ")
    assert "nothing about the public models" in facts["World"]
    assert facts["Reproducibility"].startswith("L1 ")
    assert facts["Photos"].startswith("8 ")
    noise = run.summary["noise"]
    worst = f"[{number(noise['worst_low'])}, {number(noise['worst_high'])}]"
    assert facts["Noise bands"].startswith(f"{worst}; unpurified [{number(noise['low'])}, {number(noise['high'])}]")


def test_every_number_of_the_leaderboard_is_the_summarys(run: Reported, html: str) -> None:
    """Told by its own column: the sort value in full, and the text as the tables of `show` round it."""
    tree = tree_of(html)
    heads = [head.text.strip() for head in tree.select("#board thead th")]
    rows = [row for row in run.summary["rows"] if row["metric"] == run.summary["headline"]]
    lines = tree.select("#board tbody tr")
    assert len(lines) == len(rows) == 10
    keys = {"worst case ↑": "worst_case", "unpurified ↑": "strength", "excess ↑": "excess", "retained ↑": "retained"}
    for line, row in zip(lines, rows, strict=True):
        cells = dict(zip(heads, line.select("th, td"), strict=True))
        assert cells["protection"]["data-v"].partition(" from ")[0] == row["protection"]
        assert cells["model"]["data-v"] == row["target"]
        for head, key in keys.items():
            held = cells[head]["data-v"]
            assert (float(held) if held else None) == row[key]
        shown = number(row["worst_case"]) + ("*" if row["beyond_noise"] and row["worst_case"] is not None else "")
        if row["worst_low"] is not None:
            shown += f" [{number(row['worst_low'])}, {number(row['worst_high'])}]"
        assert cells["worst case ↑"].text.strip() == shown
        assert cells["psnr ↑"].text.strip() == number(row["fidelity"].get("psnr"))
        seconds = number(row["seconds"])
        if row["seconds"] is not None:
            seconds += f" [{number(row['seconds_low'])}, {number(row['seconds_high'])}]"
        assert cells["seconds ↓"].text.split() == seconds.split()
        assert cells["photos"].text.strip() == str(row["n"])
    marked = {line.th["data-v"] for line in lines if "control" in line["class"]}
    assert marked == {"clean-reseeded", "random-sign", "random-lowfreq"}


def test_transfer_stands_in_the_row_of_what_was_made_there(run: Reported, html: str) -> None:
    tree = tree_of(html)
    (row,) = [row for row in run.rows if row["protection"] == "strong" and row["transfer"]]
    (home,) = [line for line in tree.select("#board tbody tr") if line.th["data-v"] == "strong"]
    assert f"{number(row['strength'])} 1 model" in " ".join(home.text.split())
    assert [line.th["data-v"] for line in tree.select("#board tr[data-transfer]")] == [
        "strong from zoo-small",
        "weak from zoo-small",
    ]


def test_columns_sort_by_buttons(html: str) -> None:
    for head in tree_of(html).select("#board thead th"):
        assert head["aria-sort"] == "none"
        assert head["scope"] == "col"
        assert element(head, "button")["type"] == "button"


def test_ranks_and_ties_are_the_summarys(tmp_path: Path) -> None:
    far = {"a": {"none": 0.9}, "b": {"none": 0.88}, "c": {"none": 0.1}}
    run = reported_world(tmp_path / "run", World(far, noise=0.03, gate="passed", photos=12))
    lines = {line.th["data-v"]: line for line in tree_of(html_of(run)).select("#board tbody tr")}
    ranks = {name: lines[name].select("td")[1].text.split() for name in far}
    assert ranks == {"a": ["1-2", "a"], "b": ["1-2", "a"], "c": ["3", "b"]}


def test_what_failed_is_named_with_its_reason_and_no_path(tmp_path: Path) -> None:
    world = World(TWO, noise=0.03)
    for line in world.cells:
        if line["protection"] == "weak" and line["metric"] == "ism0[dlib]" and line["case"] == "portrait-0003":
            if line["purification"] == "none":
                reason = "OSError: cannot read '/home/jane doe/weights/model.ckpt'"
                line.update(status="failed", value=None, reason=reason)
            if line["purification"] == "jpeg(50)":
                line.update(status="skipped", value=None, reason="no face in any frame")
    html = html_of(reported_world(tmp_path / "run", world))
    details = element(tree_of(html), "details.problems")
    assert details.has_attr("open")
    assert details.summary.text == "1 failed, 1 skipped of 664 scores"
    rows = [[cell.text for cell in row.select("th, td")] for row in details.select("tbody tr")]
    at = "zoo-small at 8 levels"
    assert rows == [
        ["failed", "weak", at, "OSError: cannot read '…/model.ckpt'", "ism0[dlib]", "none", "portrait-0003", "1"],
        ["skipped", "weak", at, "no face in any frame", "ism0[dlib]", "jpeg(50)", "portrait-0003", "1"],
    ]
    assert "jane" not in html
    assert "7/8 INCOMPLETE" in html


def test_nothing_failed_is_said(html: str) -> None:
    assert not tree_of(html).select(".problems")
    assert "nothing failed, nothing was skipped" in html


def test_nothing_in_the_page_asks_a_network(html: str) -> None:
    tree = tree_of(html)
    assert element(tree, "meta[http-equiv]")["content"] == POLICY
    assert POLICY.startswith("default-src 'none';")
    assert not tree.select("link, iframe, object, embed, base, [src], [srcset], [action], [background]")
    assert all(item["href"].startswith("#") for item in tree.select("[href]"))
    style = element(tree, "style").text
    assert not re.search(r"url\(|@import|https?:|//\w", style)
    own = tree.select("script")[-1].text
    assert str(files("page.js")).strip() in own
    assert not re.search(
        r"https?:|fetch\(|XMLHttpRequest|WebSocket|EventSource|import\(|innerHTML|outerHTML|eval\(", own
    )
    assert all("url" not in text for text in _keys(json_in(tree, "specs")))


def _keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for item in value.values() for key in _keys(item)}
    return {key for item in value for key in _keys(item)} if isinstance(value, list) else set()


def test_no_place_of_the_machine_is_in_the_page(run: Reported, html: str, tmp_path: Path) -> None:
    words = html.replace(tree_of(html).select("script")[2].text, "")  # Vega's own code
    assert len(words) < len(html) / 2
    for place in (str(tmp_path.parent), str(Path.home()), str(Path.cwd())):
        assert place not in words
    assert not re.search(rf"/(home|Users)/|\b{re.escape(getpass.getuser())}/", words)


def test_hostile_names_are_text(tmp_path: Path) -> None:
    """A label, a photo's name, a caption's neighbour: the suite's name, a purification, a reason and a model."""
    names = {
        "strong": HOSTILE + "label",
        "portrait-0002": HOSTILE + "photo",
        "jpeg(50)": HOSTILE + "purification",
        "zoo-small": HOSTILE + "model",
        "made-up": HOSTILE + "suite",
    }
    world = World(TWO, noise=0.03)
    world.cells[40].update(status="failed", value=None, reason=HOSTILE + "reason")
    run = reported_world(tmp_path / "run", relabelled(world, names))
    html = html_of(run)
    tree = tree_of(html)
    assert len(tree.select("script")) == SCRIPTS
    assert not tree.select("img")
    assert not [item for item in tree.find_all(True) if any(name.startswith("on") for name in item.attrs)]
    assert "alert(1)</script>" not in html
    assert "50337" not in html  # no template in a name is run
    for part in ("label", "model"):
        assert HOSTILE + part in element(tree, "#board").text + element(tree, "#leaderboard-title").text
    assert HOSTILE + "suite" in element(tree, ".facts").text
    assert HOSTILE + "photo" in json_in(tree, "data")["cases"]
    assert HOSTILE + "reason" in element(tree, ".problems").text
    assert HOSTILE + "label" in json.dumps(json_in(tree, "specs"), ensure_ascii=False).replace('\\"', '"')


def test_data_cannot_end_its_script() -> None:
    text = str(script_json({"</script>": ["<!--<script>", "&lt;", "\u2028"]}))
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"</script>": ["<!--<script>", "&lt;", "\u2028"]}


def test_a_hostile_card_is_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True)
    class Evil:
        name: ClassVar[str] = "strong"
        version: ClassVar[int] = 1
        card: ClassVar[Card] = Card(
            HOSTILE, source=HOSTILE, citation=f"@misc{{x, title = {{</pre>{HOSTILE}}}}}", deviations=(HOSTILE,)
        )

    monkeypatch.setattr(PROTECTIONS, "_entries", dict(PROTECTIONS._entries))
    monkeypatch.setattr(PROTECTIONS, "_objects", dict(PROTECTIONS._objects))
    PROTECTIONS.register(Evil)
    tree = tree_of(html_of(reported_world(tmp_path / "run")))
    assert len(tree.select("script")) == SCRIPTS
    assert not tree.select("img")
    card = element(tree, "#card-protections-strong")
    assert element(card, "pre").text == Evil.card.citation
    assert card.text.count("alert(1)") == 4
    data = json_in(tree, "data")
    group = data["groups"][data["lines"]["strong-zoo-small-8"]["group"]]
    assert group["cards"] == ["card-protections-strong"]


def test_methods_have_cards_with_citations(html: str) -> None:
    tree = tree_of(html)
    kinds = [item.summary.text for item in tree.select("details.cards")]
    assert kinds == ["Protections (5)", "Purifications (1)", "Metrics (5)", "Models (2)"]
    assert (
        "Peak signal-to-noise" in element(tree, "#card-metrics-psnr").text
        or "PSNR in dB" in element(tree, "#card-metrics-psnr").text
    )
    assert element(tree, "#card-metrics-ism0-dlib pre").text.startswith("@")
    assert "Not known to this installation" in element(tree, "#card-protections-strong").text
    assert "JPEG" in element(tree, "#card-purifications-jpeg").text


def test_figures_have_words_and_numbers(run: Reported, html: str) -> None:
    tree = tree_of(html)
    drawn = {item["id"]: item for item in tree.select("figure")}
    assert set(drawn) == set(json_in(tree, "specs"))
    assert set(drawn) >= {"figure-intervals-zoo-small", "figure-purifications", "figure-transfer", "figure-front"}
    for item in drawn.values():
        chart = element(item, ".chart")
        assert chart["role"] == "img"
        assert item.figcaption.text in chart["aria-label"]
        assert len(item.select("details tbody tr")) > 0
    (row,) = [row for row in run.rows if row["protection"] == "strong" and not row["transfer"]]
    jpeg = next(item for item in row["purifications"] if item["purification"] == "jpeg(50)")
    shown = [[cell.text for cell in line.select("th, td")] for line in drawn["figure-purifications"].select("tbody tr")]
    told = f"{number(jpeg['strength'])} [{number(jpeg['low'])}, {number(jpeg['high'])}]"
    assert ["strong", "jpeg, zoo-small", "50", told] in shown
    absent = element(tree, "#figures > ul").text
    assert "Convergence: a run keeps no loss by step" in absent
    assert "Strength over the budget: the run has one budget" in absent


def test_every_id_is_there_once_and_links_lead_somewhere(html: str) -> None:
    tree = tree_of(html)
    ids = [item["id"] for item in tree.select("[id]")]
    assert len(ids) == len(set(ids))
    lines = json_in(tree, "data")["lines"]
    for link in tree.select("a[href^='#']"):
        target = link["href"][1:]
        line, _, column = target.rpartition("--")
        assert target in ids or column in lines[line]["numbers"], target


def test_without_a_protection_there_is_a_page_all_the_same(tmp_path: Path) -> None:
    world = World(TWO, noise=0.03)
    world.cells = [line for line in world.cells if line["role"] != "protection"]
    tree = tree_of(html_of(reported_world(tmp_path / "run", world)))
    assert element(tree, "h1").text.startswith("No protection was scored")
    assert {line["data-role"] for line in tree.select("#board tbody tr")} == {"control"}


def test_a_run_that_only_began_is_told_so(tmp_path: Path) -> None:
    folder = write(World(TWO), tmp_path / "run")
    (folder / "cells.jsonl").write_text("")
    tree = tree_of(html_of(reported(folder)))
    assert element(tree, ".problems summary").text == "664 not run yet of 664 scores"


def test_templates_use_no_unescaped_value() -> None:
    for template in TEMPLATES.glob("*.j2"):
        assert not re.search(r"\|\s*safe|autoescape", template.read_text()), template.name


def test_pictures_get_the_room_that_the_rest_of_the_page_leaves(run: Reported, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Page(parts_of(run))
    assert made.room() == 18_000_000
    rest = len(made.html().encode())
    monkeypatch.setattr("antibench.report.html.page.PAGE_BYTES", rest + 1234)
    assert made.room() == 1234
    monkeypatch.setattr("antibench.report.html.page.PAGE_BYTES", rest - 1)
    assert made.room() == 0
