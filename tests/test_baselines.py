"""Tables of the pages are those of the baselines in results/baselines, which are of the suites as they are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from antibench.baseline import read_baseline
from antibench.compare import compare
from antibench.errors import UserError
from antibench.report.blocks import blocks, rewritten
from antibench.suite_file import load_suite

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BASELINES = sorted((ROOT / "results/baselines").glob("*.json"))
CI = ROOT / "results/baselines/ci.json"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_are_those_of_the_baselines(page: Path) -> None:
    text = page.read_text()
    assert rewritten(text, ROOT) == text, f"python -m antibench.report.blocks {page.relative_to(ROOT)} writes them anew"


def test_there_are_such_tables() -> None:
    named = {file for page in PAGES for file, _ in blocks(page.read_text())}
    assert "results/baselines/ci.json" in named
    if (ROOT / "results/baselines/full.json").exists():
        assert "results/baselines/full.json" in {file for file, _ in blocks(PAGES[0].read_text())}


@pytest.mark.parametrize("file", BASELINES, ids=lambda file: file.name)
def test_a_baseline_is_whole_and_of_the_suite_as_it_is(file: Path) -> None:
    held = read_baseline(file)
    suite = load_suite(held.run.header["suite"])
    assert file.stem == suite.name
    assert held.run.header["suite_version"] == suite.version
    assert {line["status"] for line in held.run.cells} <= {"ok", "skipped"}
    assert {choice.shown for choice in suite.protections} <= {line["protection"] for line in held.run.cells}
    assert held.provenance["libraries"]["torch"]
    assert file.stat().st_size < 2_000_000


@pytest.mark.parametrize("share", [0.0, 0.5], ids=["does nothing", "does half"])
def test_ci_has_enough_photos_to_see_every_protection_fade(share: float) -> None:
    """Each clip's score moves by that share of what it does in the baseline; no seed differs."""
    run = read_baseline(CI).run
    headline = run.header["headline"]

    def place(line: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(line[key] for key in ("case", "target", "purification", "seed"))

    scored = [line for line in run.cells if line["metric"] == headline and line["scope"] == "video"]
    clean = {place(line): line["value"] for line in scored if line["protection"] == "clean"}
    faded = [
        {**line, "value": clean[place(line)] + share * (line["value"] - clean[place(line)])}
        for line in scored
        if line["role"] == "protection" and line["status"] == "ok" and clean.get(place(line)) is not None
    ]
    others = [line for line in scored if line["role"] != "protection"]
    found = compare(run.header, run.cells, run.header, [*others, *faded], missing="ignore", each=True)
    red = {change.group.protection for change in found.of("weaker") if change.over == "none"}
    assert red == {"advdm", "mist", "anti-i2v"}


def test_a_number_that_is_not_the_baseline_s_is_found(tmp_path: Path) -> None:
    page = (ROOT / "docs/ci.md").read_text()
    (start, *_) = [line for line in page.splitlines() if line.startswith("| mist | 8 | 0.34")]
    assert rewritten(page.replace(start, start.replace("0.34", "0.44")), ROOT) == page

    raw = json.loads(CI.read_text())
    for entry in raw["scores"]:
        if entry["protection"] == "mist" and entry["metric"] == raw["header"]["headline"]:
            entry["values"] = [value + 0.1 for value in entry["values"]]
    changed = tmp_path / "results/baselines/ci.json"
    changed.parent.mkdir(parents=True)
    changed.write_text(json.dumps(raw))
    assert start not in rewritten(page, tmp_path)


def test_a_table_that_is_not_there_is_an_error() -> None:
    page = "<!-- table of results/baselines/ci.json: ism0[dlib] on nothing -->\n\n<!-- end -->"
    with pytest.raises(UserError, match="has no table 'ism0"):
        rewritten(page, ROOT)
    with pytest.raises(UserError, match="no such file"):
        rewritten(page.replace("ci.json", "cj.json"), ROOT)


def test_the_command_writes_pages_and_checks_them(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "before\n<!-- table of results/baselines/ci.json: Fidelity of the protected photo -->\n\n<!-- end -->\n"
    )
    command = [sys.executable, "-m", "antibench.report.blocks", str(page)]
    assert subprocess.run([*command, "--check"], cwd=ROOT, check=False, capture_output=True).returncode == 1
    assert subprocess.run(command, cwd=ROOT, check=False, capture_output=True).returncode == 0
    assert "| advdm | 8 |" in page.read_text()
    assert subprocess.run([*command, "--check"], cwd=ROOT, check=False, capture_output=True).returncode == 0
