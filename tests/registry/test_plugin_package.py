"""Somebody else's package, really installed: found by name, run, listed, and told of when it goes wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "plugin_package"
FAKES = Path(__file__).parents[1] / "harness"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package installed in it."""
    folder = tmp_path_factory.mktemp("site")
    source = tmp_path_factory.mktemp("source")
    for file in PACKAGE.rglob("*"):
        if file.suffix in (".py", ".toml"):
            copy = source / file.relative_to(PACKAGE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(source)], check=True, timeout=120)
    return folder


def antibench(site: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    code = "from antibench.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
    argv = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=300)


def test_an_installed_package_runs_without_a_word_to_antibench(installed: Path, tmp_path: Path) -> None:
    suite = ["--suite", FAKES / "fake.toml", "--plugin", FAKES / "fake_plugins.py", "--limit", "2"]
    places = ["--out", tmp_path / "run", "--store", tmp_path / "store", "--quiet", "--json"]
    added = ["-p", "checkerboard", "--purification", "mirror", "--metric", "fake-likeness", "--metric", "brightness"]
    done = antibench(installed, "run", *suite, *added, *places)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["cells"]["ok"] == summary["cells"]["planned"] > 0
    assert summary["purifications"] == ["none", "mirror(0.1)", "mirror(0.3)"]
    assert "checkerboard" in {row["protection"] for row in summary["rows"]}
    cells = [json.loads(line) for line in (tmp_path / "run" / "cells.jsonl").read_text().splitlines()]
    assert 0.2 < next(cell["value"] for cell in cells if cell["metric"] == "brightness") < 0.8


def test_it_is_listed_with_where_it_comes_from(installed: Path) -> None:
    listed = json.loads(antibench(installed, "list", "protections", "--json").stdout)["protections"]
    (entry,) = [item for item in listed if item["name"] == "checkerboard@1"]
    assert entry["summary"] == "Brighter and darker squares"
    assert entry["origin"].startswith("antibench-example (")


def test_a_broken_entry_point_names_its_package(installed: Path) -> None:
    (metadata,) = installed.glob("antibench_example-*.dist-info")
    points = metadata / "entry_points.txt"
    whole = points.read_text()
    try:
        points.write_text(whole.replace("antibench_example:Mirror", "antibench_example:Missing"))
        done = antibench(installed, "list", "purifications")
    finally:
        points.write_text(whole)
    assert done.returncode == 4
    assert "entry point 'mirror' of antibench-example" in done.stderr
    assert done.stderr.count("\n") == 1
