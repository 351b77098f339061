"""`antibench report` as a command: the page, a comparison, files for a paper, a folder of pages."""

from __future__ import annotations

import csv
import importlib.util
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from made_reports import TWO, element, json_in, tree_of, with_transfer
from made_up_runs import World
from run_folders import write

from antibench.baseline import accept
from antibench.cli import main
from antibench.report.html.charts import PRINTED
from antibench.report.numbers import number
from antibench.runfiles import read_summary

BEFORE = {"loser": {"none": 0.7, "jpeg(75)": 0.6}, "steady": {"none": 0.5, "jpeg(75)": 0.4},
          "winner": {"none": 0.3, "jpeg(75)": 0.2}}  # fmt: skip
AFTER = {"loser": {"none": 0.2, "jpeg(75)": 0.1}, "steady": {"none": 0.4, "jpeg(75)": 0.3},
         "winner": {"none": 0.6, "jpeg(75)": 0.5}}  # fmt: skip


def antibench(*arguments: Any) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def run_at(folder: Path, world: World | None = None) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    return write(world or World(TWO, noise=0.03, gate="passed"), folder)


def rows_of(table: Any) -> list[list[str]]:
    return [[cell.text for cell in row.select("th, td")] for row in table.select("tbody tr")]


def test_the_page_lies_in_the_folder_of_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = run_at(tmp_path / "run")
    assert antibench("report", run) == 0
    assert capsys.readouterr().out == f"{run / 'report.html'} ({(run / 'report.html').stat().st_size / 1e6:.1f} MB)\n"
    page = tree_of((run / "report.html").read_text("utf-8"))
    assert "; ".join(item.text for item in page.select("h1, .lead")) == read_summary(run)["answer"]
    assert not page.select("#changes")


def test_what_was_written_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(TWO, noise=0.03)
    world.cells[3].update(status="failed", value=None, reason="out of memory")
    run = run_at(tmp_path / "run", world)
    assert antibench("report", run, "-o", tmp_path / "new" / "page.html", "--no-media", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    page = tmp_path / "new" / "page.html"
    assert told["written"] == [{"path": str(page), "bytes": page.stat().st_size}]
    (found,) = told["runs"]
    assert found["run"] == "run"
    assert found["cells"]["failed"] == 1
    assert [item["reason"] for item in found["problems"]] == ["out of memory"]
    assert "Convergence" in found["absent"]
    assert found["pictures"] is None


def test_the_page_is_the_same_again(tmp_path: Path) -> None:
    run = run_at(tmp_path / "run", with_transfer())
    for name in ("one", "two"):
        assert antibench("report", run, "-o", tmp_path / name, "--no-media") == 0
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_changes_come_paired_and_the_worst_first(tmp_path: Path) -> None:
    before = run_at(tmp_path / "before", World(BEFORE, noise=0.02))
    after = run_at(tmp_path / "after", World(AFTER, noise=0.02, seed=5))
    assert antibench("report", before, after, "-o", tmp_path / "page.html", "--no-media") == 0
    page = tree_of((tmp_path / "page.html").read_text("utf-8"))
    assert element(page, ".crumb b").text == "after"
    section = element(page, "#changes")
    assert section.h3.text == "before → after"
    assert section.select(".verdict")[0].text.startswith("Protection got weaker in 4 of 6 strengths")
    rows = rows_of(section.select("article > .scroll table")[0])
    changes = [float(row[4].split()[0]) for row in rows]
    assert changes == sorted(changes)
    assert rows[0][0].startswith("loser on zoo-small at 8 levels")
    assert rows[-1][0].startswith("winner on zoo-small at 8 levels")
    verdicts = {row[0].partition(" ")[0]: row[1] for row in rows if row[0].endswith("worst case")}
    assert verdicts == {"loser": "weaker", "steady": "weaker", "winner": "stronger"}
    assert {row[5] for row in rows} == {"8"}
    drawn = json_in(page, "specs")["figure-changes-1"]
    losses = [item["change"] for values in drawn["datasets"].values() for item in values if "change" in item]
    assert len(losses) == 6
    assert losses == sorted(losses)
    # and the page below is that of the run after
    lines = {line.th["data-v"]: line for line in page.select("#board tbody tr")}
    assert "0.6" in lines["winner"].text


def test_what_failed_since_is_listed(tmp_path: Path) -> None:
    before = run_at(tmp_path / "before")
    world = World(TWO, noise=0.03, gate="passed")
    for line in world.cells:
        if (line["protection"], line["metric"], line["case"]) == ("weak", "ism0[dlib]", "portrait-0001"):
            line.update(status="failed", value=None, reason="OSError: '/home/jane/x.bin'")
    after = run_at(tmp_path / "after", world)
    assert antibench("report", before, after, "-o", tmp_path / "page.html", "--no-media") == 0
    text = (tmp_path / "page.html").read_text("utf-8")
    failed = element(tree_of(text), "#changes details[open]").text
    assert failed.startswith("Failed in the later run, scored before (3)")
    assert "1 of 8 photos, OSError: '…/x.bin'" in failed
    assert "jane" not in text


def test_a_baseline_may_be_the_run_before(tmp_path: Path) -> None:
    baseline = accept(run_at(tmp_path / "before", World(BEFORE, noise=0.02)), tmp_path / "kept.json")
    after = run_at(tmp_path / "after", World(AFTER, noise=0.02, seed=5))
    assert antibench("report", baseline, after, "-o", tmp_path / "page.html", "--no-media") == 0
    page = tree_of((tmp_path / "page.html").read_text("utf-8"))
    assert element(page, "#changes article > h3").text == "kept.json → after"


def test_errors_are_one_line_and_a_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = run_at(tmp_path / "run")
    other = run_at(tmp_path / "other", World({"else": {"none": 0.3}}, noise=0.02))
    file = tmp_path / "file.json"
    file.write_text("{}")
    for code, arguments, words in (
        (4, [tmp_path / "nowhere"], "no such folder"),
        (4, [], "Missing argument"),
        (4, [file], "is a file"),
        (4, [run, "-o", file / "page.html"], "cannot be written"),
        (5, [other, run], "nothing compared"),
    ):
        assert antibench("report", *arguments) == code
        told = capsys.readouterr()
        assert told.out == ""
        assert len(told.err.splitlines()) == 1
        assert words in told.err
    assert not (run / "report.html").exists()


def test_without_the_libraries_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "altair" else known(name))
    assert antibench("report", run_at(tmp_path / "run")) == 4
    assert capsys.readouterr().err == "antibench: a report needs altair: pip install 'antibench[report]'\n"


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paper")
    run = run_at(folder / "run", with_transfer())
    assert antibench("report", run, "-o", folder / "page.html", "--no-media", "--paper", folder / "files") == 0
    return folder


def test_the_csv_has_the_summarys_numbers(paper: Path) -> None:
    rows = [row for row in read_summary(paper / "run")["rows"] if row["metric"] == "ism0[dlib]"]
    with (paper / "files" / "table.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        assert (line["protection"], line["model"], int(line["levels"])) == (
            row["protection"],
            row["target"],
            row["budget"],
        )
        for key in (
            "worst_case",
            "worst_low",
            "worst_high",
            "strength",
            "low",
            "high",
            "excess",
            "retained",
            "seconds",
        ):
            assert (float(line[key]) if line[key] else None) == row[key]
        assert (float(line["psnr"]) if line["psnr"] else None) == row["fidelity"].get("psnr")
        assert line["beyond_noise"] == ("" if row["beyond_noise"] is None else str(row["beyond_noise"]))


def test_a_label_is_no_formula_in_the_csv(tmp_path: Path) -> None:
    run = run_at(tmp_path / "run", World({"=1+1": {"none": 0.5}, "plain": {"none": 0.4}}, noise=0.03))
    assert antibench("report", run, "-o", tmp_path / "page.html", "--no-media", "--paper", tmp_path / "paper") == 0
    with (tmp_path / "paper" / "table.csv").open(encoding="utf-8", newline="") as file:
        assert {line["protection"] for line in csv.DictReader(file)} >= {"'=1+1", "plain"}


def test_markdown_and_latex_are_whole_tables(paper: Path) -> None:
    rows = [row for row in read_summary(paper / "run")["rows"] if row["metric"] == "ism0[dlib]" and not row["transfer"]]
    lines = (paper / "files" / "table.md").read_text("utf-8").splitlines()
    body = [line for line in lines if line.startswith("|")][2:]
    assert len(body) == len(rows)
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines if line.startswith("|")}) == 1
    latex = (paper / "files" / "table.tex").read_text("utf-8")
    columns, inside = re.findall(
        r"\\begin{tabular}{([lr]+)}\n\\toprule\n(.*?)\\bottomrule\n\\end{tabular}", latex, re.S
    )[0]
    assert latex.count(r"\begin{") == latex.count(r"\end{") == 2
    told = inside.replace("\\midrule\n", "").splitlines()
    assert len(told) == len(rows) + 1
    assert all(len(re.findall(r"(?<!\\)&", line)) == len(columns) - 1 for line in told)
    strong = next(row for row in rows if row["protection"] == "strong")
    worst = f"{number(strong['worst_case'])} {{[}}{number(strong['worst_low'])}, {number(strong['worst_high'])}{{]}}"
    assert worst in latex
    page = tree_of((paper / "page.html").read_text("utf-8"))
    shown = {item.summary.text: item.pre.text for item in page.select("#paper details")}
    for name, file in (("Markdown", "table.md"), ("CSV", "table.csv"), ("LaTeX", "table.tex")):
        assert shown[name] == (paper / "files" / file).read_text("utf-8")


def test_figures_are_vector_files_of_the_page(paper: Path) -> None:
    page = tree_of((paper / "page.html").read_text("utf-8"))
    names = {item["id"] for item in page.select("figure")}
    assert {path.stem for path in (paper / "files").glob("*.svg")} == names
    assert {path.stem for path in (paper / "files").glob("*.pdf")} == names
    for name in names:
        svg = ElementTree.parse(paper / "files" / f"{name}.svg").getroot()
        assert svg.tag == "{http://www.w3.org/2000/svg}svg"
        assert len(list(svg.iter("{http://www.w3.org/2000/svg}path"))) > 3
        assert not [item for item in svg.iter() if item.tag.endswith(("image", "script"))]
        pdf = (paper / "files" / f"{name}.pdf").read_bytes()
        assert pdf.startswith(b"%PDF-")
        assert pdf.rstrip().endswith(b"%%EOF")
        spec = json.loads((paper / "files" / f"{name}.vl.json").read_text("utf-8"))
        assert spec.pop("config") == PRINTED
        assert spec == json_in(page, "specs")[name]


def test_a_site_has_a_page_for_each_run_and_each_protection(tmp_path: Path) -> None:
    runs = [
        run_at(tmp_path / "runs" / "first"),
        run_at(tmp_path / "runs" / "..up & down", with_transfer()),
        run_at(tmp_path / "runs" / "UP-down"),
    ]
    assert antibench("report", *runs, "--site", tmp_path / "public", "--no-media") == 0
    public = tmp_path / "public"
    names = sorted(path.name for path in public.iterdir())
    shown = ("strong", "weak", "clean-reseeded", "random-lowfreq", "random-sign")
    methods = [f"method-{name}.html" for name in shown]
    assert names == sorted(
        ["index.html", *methods, "run-first.html", "run-up-down.html", "run-up-down-2.html"],
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["public", "runs"]
    assert not list((tmp_path / "runs").glob("*/report.html"))
    index = tree_of((public / "index.html").read_text("utf-8"))
    rows = rows_of(index.select("#runs table")[0])
    assert [row[0] for row in rows] == ["first", "..up & down", "UP-down"]
    assert all(row[-1] == read_summary(run)["answer"] for row, run in zip(rows, runs, strict=True))
    method = tree_of((public / "method-strong.html").read_text("utf-8"))
    assert len(method.select("tbody tr")) == 4  # the second run shows it to two models
    _links_lead_somewhere(public)


def _links_lead_somewhere(public: Path) -> None:
    trees = {path.name: tree_of(path.read_text("utf-8")) for path in public.iterdir()}
    fragments = {}
    for name, tree in trees.items():
        ids = {item["id"] for item in tree.select("[id]")}
        lines = json_in(tree, "data")["lines"] if tree.select("script#data") else {}
        fragments[name] = ids | {f"{line}--{column}" for line, held in lines.items() for column in held["numbers"]}
    links = [(name, link["href"]) for name, tree in trees.items() for link in tree.select("[href]")]
    assert len(links) > 100
    for name, target in links:
        file, _, fragment = target.partition("#")
        assert not re.match(r"[a-z]+:|/", file)
        assert (file or name) in trees, target
        assert not fragment or fragment in fragments[file or name], target


def test_a_hostile_run_in_a_site_is_text(tmp_path: Path) -> None:
    name = '<img src=x onerror="alert(1)">'
    world = World({name: {"none": 0.5}}, noise=0.03)
    world.header["suite"] = name
    run = run_at(tmp_path / name, world)
    assert antibench("report", run, "--site", tmp_path / "public", "--no-media") == 0
    for path in (tmp_path / "public").iterdir():
        tree = tree_of(path.read_text("utf-8"))
        assert not tree.select("img")
        assert re.fullmatch(r"[a-z0-9-]+\.html", path.name)
        assert name in tree.text or path.name.startswith("method-clean")


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert antibench("report", "--help") == 0
    told = capsys.readouterr().out
    assert "antibench report results/runs/smoke-0123456789ab" in told
    assert "Exit codes:" in told
