"""A suite as tests: one for each protection, purification and model, and one for each worst case.

A test passes if its protection is not weaker than the accepted baseline by `antibench compare --each`, is skipped where
there is no baseline for it or no strength to compare, and ends in an error if its scores failed. Before the first test
the suite is run, or what is missing of it, with those protections alone that a selected test needs. Every process of
pytest-xdist does so; the run's lock lets one of them work while the others wait and then read what it wrote.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from antibench.baseline import origin
from antibench.compare import WORST, Change
from antibench.errors import UserError
from antibench.progress import Lines, Quiet
from antibench.pytest_plugin import STARTED
from antibench.report.comparison import group_name
from antibench.report.numbers import number, with_interval
from antibench.scores import Group
from antibench.suite_gate import Gate, Options, Unjudged


class Weaker(Exception):  # noqa: N818 (a finding, not a mistake)
    """A protection is weaker than its baseline; the message says by how much."""


def options_of(config: pytest.Config) -> Options:
    """The options, from the command line or else the ini-file.

    Raises:
        UserError: if one of them is no value of its kind.
    """
    home = config.inipath.parent if config.inipath else config.rootpath
    here = config.invocation_params.dir

    def path(name: str) -> Path:
        given = config.getoption(f"antibench_{name}")
        return here / str(given) if given is not None else home / str(config.getini(f"antibench_{name}"))

    def text(name: str) -> str:
        given = config.getoption(f"antibench_{name}")
        return str(given if given is not None else config.getini(f"antibench_{name}"))

    given = [here / item for item in config.getoption("antibench_plugins") or ()]
    device = text("device")
    if device not in ("cpu", "cuda"):
        raise UserError(f"antibench_device is {device!r}; it must be cpu or cuda")
    return Options(
        baseline=path("baseline"),
        store=path("store"),
        runs=path("runs"),
        workers=_workers(text("workers")),
        device=device,
        tolerance=_tolerance(text("tolerance")),
        plugins=tuple(given or (home / item for item in config.getini("antibench_plugins"))),
        started=config.stash[STARTED],
    )


def _workers(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"antibench_workers is {text!r}; it must be a whole number from 1")
    return int(text)


def _tolerance(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not (math.isfinite(value) and value >= 0):
        raise UserError(f"antibench_tolerance is {text!r}; it must be a number from 0")
    return value


class SuiteCollector(pytest.Collector):
    """A suite's file. Not a `pytest.File`: `--lf` leaves those out by their path, which may lie outside the rootdir."""

    gate: Gate

    @classmethod
    def of(cls, file: Path, parent: pytest.Collector) -> SuiteCollector:
        """The collector of a file; its node id is the same wherever antibench is installed."""
        inside = file.is_relative_to(parent.config.rootpath)
        name = file.relative_to(parent.config.rootpath).as_posix() if inside else f"{file.parent.name}/{file.name}"
        found: SuiteCollector = cls.from_parent(parent, name=file.name, path=file, nodeid=name)
        return found

    def collect(self) -> list[SuiteTest]:
        """A test for each protection, purification and model; the worst case where it is one of several."""
        try:
            self.gate = Gate(self.path, options_of(self.config))
            groups = self.gate.groups()
        except UserError as error:
            raise self.CollectError(str(error)) from error
        return [
            SuiteTest.of(self, group, over, labels)
            for group, labels in groups.items()
            for over in (*labels, *([WORST] if len(labels) > 1 else []))
        ]


class SuiteTest(pytest.Item):
    """One protection under one purification, or in the worst case, on one model."""

    parent: SuiteCollector
    group: Group
    over: str
    purifications: list[str]

    @classmethod
    def of(cls, parent: SuiteCollector, group: Group, over: str, labels: list[str]) -> SuiteTest:
        """The test, named so that ``-k`` finds it by every part of it."""
        made_on = [] if group.surrogate in (None, group.target) else [str(group.surrogate)]
        parts = [over.replace(" ", "-"), *made_on, str(group.target), str(group.budget)]
        name = f"{group.protection}[{'-'.join(parts)}]"
        # The id is given as text, or pytest 9.2 would not know it again (`--lf`): it splits names at brackets.
        test: SuiteTest = cls.from_parent(parent, name=name, nodeid=f"{parent.nodeid}::{name}")
        test.group, test.over, test.purifications = group, over, labels if over == WORST else [over]
        test.add_marker("antibench")
        return test

    def setup(self) -> None:
        """Skip what has no baseline, or no strength; an error for what should be judged and cannot be."""
        gate = self.parent.gate
        try:
            reason = gate.no_baseline(self.group, self.over)
        except UserError as error:
            raise Unjudged(str(error)) from error
        if reason:
            pytest.skip(reason)
        lost = gate.outcome.lost(self.group, self.purifications)
        if lost:
            raise Unjudged(f"scores are lost: {lost}")
        change = gate.outcome.changes.get((self.group, self.over))
        if change is None or change.verdict == "unknown":
            pytest.skip(f"cannot be judged: {change.reason if change else 'no strength under it'}")

    def runtest(self) -> None:
        """Fail if the protection is weaker."""
        gate = self.parent.gate
        change = gate.outcome.changes[self.group, self.over]
        told = self._told(change)
        self.user_properties += _properties(change)
        if change.verdict == "weaker":
            raise Weaker(told)
        self.add_report_section("call", "antibench", told)  # -rP shows it

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The finding in words; a traceback only for what is a mistake."""
        if isinstance(excinfo.value, Weaker | Unjudged):
            commands = "\n".join(f"  {line}" for line in self.parent.gate.commands(self.group))
            return f"{excinfo.value}\nReproduce it:\n{commands}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where it is from."""
        return self.path, None, self.name

    def _told(self, change: Change) -> str:
        gate = self.parent.gate
        assert gate.baseline is not None
        assert change.interval is not None
        over = f"under {change.over}" if change.over != WORST else "in the worst case"
        verdict = {
            "weaker": "WEAKER than its baseline",
            "stronger": "stronger than its baseline, consider accepting a new one",
            "unsure": f"perhaps weaker than its baseline, {change.reason}",
        }.get(change.verdict, "as strong as its baseline, as far as can be told")
        where = f"   ({origin(gate.baseline.provenance)})"
        paired = f"   (paired over {change.interval.photos} photos; accepted: -{number(gate.options.tolerance)})"
        lines = [
            f"{verdict}: {number(change.before)} → {number(change.after)} {over}",
            f"{group_name(self.group)}, {over}, strength by {gate.suite.headline}:",
        ]
        for name, interval, more in (
            ("baseline", change.interval_before, where),
            ("now", change.interval_after, ""),
            ("change", change.interval, paired),
        ):
            value = with_interval(interval.estimate, interval.low, interval.high) if interval else "unknown"
            lines.append(f"  {name:<8} {value:>20}{more}")
        return "\n".join(lines)


def _properties(change: Change) -> list[tuple[str, object]]:
    """What JUnit's XML says of a test."""
    interval = change.interval
    numbers = {"before": change.before, "after": change.after}
    if interval is not None:
        numbers |= {"change": interval.estimate, "change_low": interval.low, "change_high": interval.high}
    known = [(name, round(value, 6)) for name, value in numbers.items() if value is not None]
    return [("verdict", change.verdict), *known]


def run_suites(session: pytest.Session) -> None:
    """Run what the selected tests need, each suite once."""
    by_gate: dict[int, tuple[Gate, list[SuiteTest]]] = {}
    for item in session.items:
        if isinstance(item, SuiteTest):
            gate = item.parent.gate
            by_gate.setdefault(id(gate), (gate, []))[1].append(item)
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    for gate, tests in by_gate.values():
        tell = _Reported(reporter, gate.suite.name) if reporter is not None else Quiet()
        try:
            gate.ask_for([(test.group, test.over) for test in tests])
        except UserError:
            continue  # each of its tests tells
        gate.run(tell)


class _Reported(Lines):
    """Progress by pytest's own reporter, which knows what of the terminal is captured."""

    def __init__(self, reporter: pytest.TerminalReporter, suite: str) -> None:
        super().__init__()
        self._reporter, self._suite = reporter, suite

    def note(self, text: str) -> None:
        """See `Teller.note`."""
        self._reporter.ensure_newline()
        self._reporter.write_line(f"antibench {self._suite}: {text}")
