"""The defense of the documentation is a real one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from antibench.registry import PROTECTIONS, load_plugin_file
from antibench.testing.protection_contract import checks

PAGE = Path(__file__).parents[2] / "docs" / "protections.md"


@pytest.fixture(autouse=True)
def registrations_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page registers is gone after the test."""
    for table in ("_entries", "_objects"):
        monkeypatch.setattr(PROTECTIONS, table, dict(getattr(PROTECTIONS, table)))


def test_the_defense_of_the_documentation_keeps_the_contract(tmp_path: Path) -> None:
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)[0]
    assert sum(bool(line.strip()) for line in code.splitlines()) == 20
    plugin = tmp_path / "my_defense.py"
    plugin.write_text(code)
    load_plugin_file(plugin)
    broken = [check for check in checks(PROTECTIONS.load("my-defense")) if not check.ok]
    assert not broken
