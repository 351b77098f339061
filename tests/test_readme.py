"""The README: its example keeps the contract, its numbers stand in a file a command wrote, its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from antibench.registry import PROTECTIONS, load_plugin_file
from antibench.testing.protection_contract import checks

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def test_the_defense_in_20_lines_keeps_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PROTECTIONS, "_entries", dict(PROTECTIONS._entries))
    (code,) = re.findall(r"```python\n(# my_defense\.py.*?)```", README, re.DOTALL)
    file = tmp_path / "my_defense.py"
    file.write_text(code)
    load_plugin_file(file)
    failed = [check for check in checks(PROTECTIONS.load("checkerboard")) if not check.ok]
    assert not failed


def test_the_answer_is_the_first_line_of_the_run() -> None:
    (quoted,) = re.findall(r"<!-- answer of docs/results/smoke\.md -->\n> (.*)\n<!-- end -->", README)
    written = (ROOT / "docs/results/smoke.md").read_text().splitlines()[0]
    assert quoted in written
    assert len(quoted) > 100


def test_the_table_of_steps_at_full_size_is_that_of_its_command() -> None:
    page = (ROOT / "docs/full-size.md").read_text()
    (quoted,) = re.findall(r"<!-- table of results/gpu-attack-step\.jsonl -->\n(.*?)\n<!-- end -->", page, re.DOTALL)
    command = [
        sys.executable,
        ROOT / "benchmarks/gpu_attack_step.py",
        "--table",
        ROOT / "docs/results/gpu-attack-step.jsonl",
    ]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == quoted + "\n"


def test_links_lead_to_files() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if not target.startswith(("http:", "https:")):
                assert (page.parent / target).exists(), f"{page.name}: {target}"
