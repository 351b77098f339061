"""The page on purifications: its example keeps the contract, its list is complete, its table is the command's."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from antibench.registry import PURIFICATIONS, Registry
from antibench.testing.purification_contract import checks

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "purifications.md").read_text()
RESULTS = (ROOT / "docs" / "results" / "purifications.md").read_text()
SLOW = ("adverse-cleaner", "tvm", "diffpure", "gridpure", "impress", "img2img")
"""Tens of seconds for all portraits and strengths."""


def test_the_example_keeps_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    registry = Registry("purification", "tests.no-entry-points")
    monkeypatch.setattr("antibench.registry.PURIFICATIONS", registry)
    exec(compile(example, "purifications.md", "exec", dont_inherit=True), {"__name__": __name__})
    assert [check for check in checks(registry.load("posterise")) if not check.ok] == []


def test_every_purification_is_listed_with_its_grid() -> None:
    listed = dict(re.findall(r"^\| `([^`]+)` \| ([^|]*) \|", PAGE.split("\n## ")[0], re.MULTILINE))
    for entry in PURIFICATIONS.entries():
        if entry.origin == "antibench":
            grid = ", ".join(f"{strength:g}" for strength in PURIFICATIONS.load(entry.name).grid)
            assert grid in listed[entry.name], entry.name


def test_the_table_is_that_of_its_command() -> None:
    (quoted,) = re.findall(r"<!-- table of results/purifications\.md -->\n(.*?)\n<!-- end -->", PAGE, re.DOTALL)
    assert quoted == RESULTS.rstrip("\n")


def test_the_table_has_every_strength_and_the_damage_that_is_measured_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """PSNR within 0.2 dB: another version of a library may round elsewhere, another setting does more."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    sys.modules.pop("purification_damage", None)
    import purification_damage as command  # type: ignore[import-not-found, unused-ignore]

    rows = re.findall(r"^\| (`.*?) \| ([0-9.]+) \| ([0-9.]+) \|", RESULTS, re.MULTILINE)
    expected = {(label, float(strength)): float(decibels) for label, strength, decibels in rows}
    photos = command.portraits()
    plugins = dict(command.entries(command.NAMES))
    assert set(expected) == {(label, strength) for label, plugin in plugins.items() for strength in plugin.grid}
    for (label, strength), decibels in expected.items():
        if plugins[label].name not in SLOW:
            pairs = list(command.purified(plugins[label], strength, photos))
            assert abs(command.psnr(pairs) - decibels) < 0.2, (label, strength)
