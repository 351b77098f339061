"""The pytest plugin: suites as tests, held against their accepted baselines (``docs/ci.md``).

``pytest suites/ci.toml`` or ``pytest --antibench ci`` collects one test for every protection, purification and model of
the suite; all else is in `antibench.pytest_suite`, which is imported only then. Whoever has antibench installed pays
for this module alone, and no TOML file becomes a test unless it is named.
"""

from __future__ import annotations

import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from antibench.tolerance import TOLERANCE

if TYPE_CHECKING:
    from antibench.pytest_suite import SuiteCollector

STARTED = pytest.StashKey[float]()
MARKER = "antibench: a protection held against its accepted baseline (antibench's pytest plugin)"
_FILES = "relative to the folder of the ini-file"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, each but the first with an ini value of the same name (``antibench_store``)."""
    group = parser.getgroup("antibench", "antibench: has a protection got weaker?")
    group.addoption(
        "--antibench",
        action="append",
        default=[],
        metavar="SUITE",
        help="Run this suite, a name (ci) or a TOML file, as tests: with the paths that are named, else alone.",
    )
    for name, kind, default, text in (
        ("baseline", "string", "results/baselines", "The accepted baseline, or the folder that holds SUITE.json."),
        ("store", "string", "results/store", "Folder of finished results; share it between runs to save work."),
        ("runs", "string", "results/runs", "Folder that the run's folder is made in."),
        ("workers", "string", "", "Processes. Default one a core, or one a GPU."),
        ("device", "string", "cpu", "cpu or cuda."),
        ("tolerance", "string", str(TOLERANCE), "Loss of strength that is accepted."),
        ("plugins", "args", [], "Python files whose plugins the suite uses; repeatable."),
    ):
        several = kind == "args"
        group.addoption(
            f"--antibench-{name.removesuffix('s') if several else name}",
            dest=f"antibench_{name}",
            action="append" if several else "store",
            default=None,
            metavar=name.removesuffix("s").upper() if several else name.upper(),
            help=f"{text} [ini: antibench_{name}]",
        )
        where = f" ({_FILES})" if name in ("baseline", "store", "runs", "plugins") else ""
        parser.addini(f"antibench_{name}", f"{text}{where}", type=kind, default=default)  # type: ignore[arg-type]


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Add the suites of ``--antibench`` to what is collected, in every process of pytest-xdist alike."""
    config.addinivalue_line("markers", MARKER)
    config.stash[STARTED] = time.time()
    asked = config.getoption("antibench")
    if not asked or config.option.help or config.option.version:
        return
    from antibench.errors import UserError
    from antibench.suite_names import find_suite

    try:
        files = [str((config.invocation_params.dir / find_suite(spec)).resolve()) for spec in asked]
    except UserError as error:
        raise pytest.UsageError(f"--antibench: {error}") from error
    for file in files:
        if not Path(file).is_file():
            raise pytest.UsageError(f"--antibench {file}: no such file")
    named = config.args if config.args_source == pytest.Config.ArgsSource.ARGS else []
    config.args = [*named, *(file for file in dict.fromkeys(files) if file not in named)]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SuiteCollector | None:
    """A suite that was named itself; one that merely lies in a folder of tests is none of pytest's business."""
    if file_path.suffix != ".toml" or not parent.session.isinitpath(file_path) or not _is_suite(file_path):
        return None
    from antibench.pytest_suite import SuiteCollector

    return SuiteCollector.of(file_path, parent)


def _is_suite(file: Path) -> bool:
    """Whether it could be one; a file that is no TOML is told of by whoever reads it as a suite."""
    try:
        raw: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return True
    return "extends" in raw or {"schema", "headline", "metrics"} <= raw.keys()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Run the suites before the first test starts: no test's time limit or duration has a suite's minutes in it."""
    if session.config.option.collectonly or (
        session.testsfailed and not session.config.option.continue_on_collection_errors
    ):
        return
    if any(item.get_closest_marker("antibench") for item in session.items):
        from antibench.pytest_suite import run_suites

        run_suites(session)
