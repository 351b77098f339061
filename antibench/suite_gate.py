"""A suite held against its accepted baseline: what can be tested, the run of it, and what came of each test.

Free of pytest; `antibench.pytest_suite` makes tests of it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from antibench.baseline import Baseline, baseline_path, read_baseline
from antibench.compare import WORST, Comparison, compare
from antibench.errors import UserError
from antibench.progress import Teller
from antibench.registry import load_plugin_file
from antibench.report.comparison import group_name
from antibench.run import Settings, default_out
from antibench.run import run as run_suite
from antibench.runfiles import Run, read_run
from antibench.scores import Group, Place, Scores
from antibench.suite import Suite
from antibench.suite_file import load_suite
from antibench.suite_options import Override, only
from antibench.tolerance import TOLERANCE


class Unjudged(Exception):  # noqa: N818 (a finding, not a mistake)
    """A protection could not be judged, though it should; the message says why."""


@dataclass(frozen=True)
class Options:
    """How a gate is run.

    Attributes:
        baseline: The accepted baseline, or the folder that holds SUITE.json.
        store: Folder of finished results.
        runs: Folder that the run's folder is made in.
        workers: Processes; None for one a core, or one a GPU.
        device: "cpu" or "cuda".
        tolerance: Loss of strength that is accepted.
        plugins: Files whose plugins the suite uses.
        started: When the session started, in seconds since the epoch: what another of its processes has run since is
            not run again.
    """

    baseline: Path
    store: Path
    runs: Path
    workers: int | None
    device: str
    tolerance: float
    plugins: tuple[Path, ...]
    started: float


class Gate:
    """One suite and its baseline: what can be tested, and, once run, what came of it."""

    def __init__(self, file: Path, options: Options) -> None:
        self.file, self.options = file, options
        for plugin in options.plugins:
            load_plugin_file(plugin)
        self.suite = load_suite(str(file))
        self._asked: frozenset[str] = frozenset()

    @property
    def baseline_file(self) -> Path:
        """The file that the baseline is expected in."""
        given = self.options.baseline
        return given if given.suffix == ".json" else baseline_path(self.suite.name, given)

    @cached_property
    def baseline(self) -> Baseline | None:
        """The accepted baseline; None if there is none.

        Raises:
            UserError: if it cannot be read, or is of another version of the suite.
        """
        if not self.baseline_file.exists():
            return None
        found = read_baseline(self.baseline_file)
        name, version = (found.run.header[key] for key in ("suite", "suite_version"))
        if name == self.suite.name and version != self.suite.version:
            raise UserError(
                f"{short(self.baseline_file)} is of version {version} of suite {name}, which is at version "
                f"{self.suite.version} now; run it and accept a new baseline"
            )
        return found

    @cached_property
    def _scores_before(self) -> Scores | None:
        return Scores(self.baseline.run.header, self.baseline.run.cells) if self.baseline else None

    def groups(self) -> dict[Group, list[str]]:
        """The protections as the suite shows them, each with its purifications; nothing is run."""
        from antibench.cases import case_ids  # these import torch
        from antibench.plan import plan_cells
        from antibench.resolve import resolve

        resolved = resolve(self.suite, self.options.device)
        found: dict[Group, list[str]] = {}
        for cell in plan_cells(resolved, case_ids(resolved)[:1]):
            if cell.role == "protection" and cell.scope == "video":
                labels = found.setdefault(Group(cell.protection, cell.surrogate, cell.target, cell.budget), [])
                if cell.purification not in labels:
                    labels.append(cell.purification)
        return found

    def no_baseline(self, group: Group, over: str) -> str | None:
        """Why there is nothing to hold a test against, if so."""
        if self._scores_before is None:
            return (
                f"there is no baseline {short(self.baseline_file)}; make one: "
                f"antibench run --suite {short(self.file)}, then antibench baseline accept RUN"
            )
        label = "none" if over == WORST else over
        if not self._scores_before.has(Place(self.suite.headline, group, label)):
            return f"no baseline for {group_name(group)}, {label} in {short(self.baseline_file)}"
        return None

    def ask_for(self, tests: Iterable[tuple[Group, str]]) -> None:
        """Say which tests there will be (group, and purification or worst case): no other protection is run."""
        self._asked = frozenset(group.protection for group, over in tests if self.no_baseline(group, over) is None)

    @cached_property
    def narrowed(self) -> Suite:
        """The suite with the protections asked for."""
        held = [choice.shown for choice in self.suite.protections]
        kept = tuple(label for label in held if label in self._asked)
        narrow: list[Override] = [] if len(kept) == len(held) else [only("protections", kept)]
        return load_suite(str(self.file), narrow)

    @cached_property
    def out(self) -> Path:
        """Folder of the run."""
        return self.options.runs / default_out(self.narrowed).name

    def run(self, tell: Teller) -> None:
        """Run what was asked for; what went wrong is kept for the tests to tell."""
        self._outcome = self._outcome_of(tell)

    def _outcome_of(self, tell: Teller) -> Outcome | UserError:
        options = self.options
        if not self._asked or self.baseline is None:
            return UserError("nothing to run")
        try:
            settings = Settings(
                out=self.out,
                store=options.store,
                workers=options.workers,
                device=options.device,
                plugin_files=options.plugins,
                shared_since=options.started,
            )
            after = read_run(run_suite(self.narrowed, settings, tell).folder)
            before = self.baseline.run
            found = compare(
                *(before.header, before.cells, after.header, after.cells),
                tolerance=options.tolerance,
                missing="ignore",
                metric=self.suite.headline,
                each=True,
            )
        except UserError as error:
            return error
        return Outcome(found, after)

    @property
    def outcome(self) -> Outcome:
        """What came of the run.

        Raises:
            Unjudged: if nothing did.
        """
        if isinstance(self._outcome, UserError):
            raise Unjudged(f"{self.file.name}: {self._outcome}")
        return self._outcome

    def commands(self, group: Group) -> list[str]:
        """What reproduces a verdict, from nothing."""
        run = ["antibench", "run", "--suite", short(self.file), *self._narrowing, "--out", short(self.out)]
        run += ["--store", short(self.options.store)]
        run += [part for plugin in self.options.plugins for part in ("--plugin", short(plugin))]
        run += ["--device", self.options.device] if self.options.device != "cpu" else []
        tolerance = ["--tolerance", f"{self.options.tolerance:g}"] if self.options.tolerance != TOLERANCE else []
        held = ["antibench", "compare", short(self.baseline_file), short(self.out), "--each", "--missing", "ignore"]
        return [shlex.join(run), shlex.join(held + tolerance)]

    @property
    def _narrowing(self) -> list[str]:
        whole = len(self.narrowed.protections) == len(self.suite.protections)
        return [] if whole else [part for choice in self.narrowed.protections for part in ("-p", choice.shown)]


class Outcome:
    """A comparison, by test."""

    def __init__(self, found: Comparison, after: Run) -> None:
        self.changes = {(change.group, change.over): change for change in found.changes}
        self._metric, self._lost = found.metric, found.lost
        self._failed: dict[Place, str] = {}
        for line in after.cells:
            if line["status"] in ("failed", "missing") and line["metric"] == found.metric:
                group = Group(line["protection"], line["surrogate"], line["target"], int(line["budget"]))
                place = Place(line["metric"], group, line["purification"])
                self._failed.setdefault(place, f"{group_name(group)}, {place.purification}: {line['reason']}")

    def lost(self, group: Group, purifications: list[str]) -> str | None:
        """What of the scores that a test rests on failed, or was there in the baseline and is no more."""
        clean = [Group(name, None, group.target, 0) for name in ("clean", "unrelated")]
        places = [Place(self._metric, item, label) for label in purifications for item in (group, *clean)]
        told = [self._failed.get(place) or self._lost.get(place) for place in places]
        return "; ".join(text for text in told if text) or None


def short(path: Path) -> str:
    """A path as one would type it here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
