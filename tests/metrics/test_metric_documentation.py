"""The page on metrics: its example keeps the contract, its table is complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from antibench.registry import METRICS, Registry
from antibench.testing.metric_contract import checks

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()


def test_the_example_keeps_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    registry = Registry("metric", "tests.no-entry-points")
    monkeypatch.setattr("antibench.registry.METRICS", registry)
    exec(compile(example, "metrics.md", "exec", dont_inherit=True), {"__name__": __name__})
    found = list(checks(registry.load("colour-shift")))
    assert len(found) == 14
    assert [check for check in found if not check.ok] == []


def test_every_metric_is_described_with_its_direction_and_lower_bound() -> None:
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", PAGE, re.MULTILINE))
    for entry in METRICS.entries():
        if entry.origin != "antibench":
            continue
        metric = METRICS.load(entry.name)
        *_, bounds, direction = rows[entry.name].split(" | ")
        expected = "fidelity" if metric.scope == "fidelity" else metric.protects_when.replace("neither", "describes")
        assert direction == expected, entry.name
        low, high = bounds.split("..")
        assert float(low) == metric.bounds[0], entry.name
        assert not high or float(high) == metric.bounds[1], entry.name
