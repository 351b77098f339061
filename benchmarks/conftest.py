"""Costs as ratios within one run: of two things timed in turn, a busy or slow machine slows both.

What is counted is the processor's time, which other work on the machine touches least.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

Work: TypeAlias = Callable[[], object]
Ratio: TypeAlias = Callable[..., float]

FOUND = pytest.StashKey[list[tuple[str, str, float, float | None]]]()


def seconds(work: Work) -> float:
    """How long it takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let pytest-benchmark count the same time."""
    for item in items:
        if "ratio" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.benchmark(timer=time.process_time))


@pytest.fixture
def ratio(benchmark: BenchmarkFixture, request: pytest.FixtureRequest) -> Ratio:
    """Times work against a yardstick, in turn, by pytest-benchmark; the ratio of the medians must not exceed `limit`.

    The yardstick is timed where pytest-benchmark sets a round up, so that its own figures are of the work alone; one
    that takes long may be given as its seconds.
    """

    def measure(work: Work, yardstick: Work | float, of: str, *, rounds: int = 5, limit: float | None = None) -> float:
        floor = [yardstick] if isinstance(yardstick, float) else []
        work()  # the first call of either may load or allocate something
        if not isinstance(yardstick, float):
            yardstick()

        def setup() -> None:
            if not isinstance(yardstick, float):
                floor.append(seconds(yardstick))

        benchmark.pedantic(work, setup=setup, rounds=rounds)
        if benchmark.disabled:
            pytest.skip("pytest-benchmark is disabled; nothing is timed")
        found = statistics.median(benchmark.stats.stats.data) / statistics.median(floor)
        benchmark.extra_info.update({"yardstick": of, "ratio": round(found, 3), "limit": limit})
        stash: Any = request.config.stash
        stash.setdefault(FOUND, []).append((request.node.name, of, found, limit))
        if limit is not None:
            assert found < limit, f"{found:.2f} times {of}"
        return found

    return measure


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The ratios; the table of pytest-benchmark holds seconds, which mean little elsewhere."""
    found = config.stash.get(FOUND, [])
    if found:
        terminalreporter.section("costs as ratios")
    for name, of, value, limit in found:
        kept = "" if limit is None else f"   (limit {limit:g})"
        terminalreporter.write_line(f"{name:<60}{value:>9.3g} x {of}{kept}")
