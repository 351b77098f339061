"""The pytest plugin as a user meets it: pytest run on a suite, in this process or where it matters in others."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import pytest
from fake_runs import PLUGINS, antibench, inline_pool

from antibench import run as run_module
from antibench.cli import main
from antibench.registry import load_plugin_file

COUNTED = Path(__file__).parent / "counted_plugin.py"
TESTS = ["none-fake-shift-64", "fake-grain(3)-fake-shift-64", "worst-case-fake-shift-64"]
SUITE = """
schema = 1
name = "gated"
version = 1
headline = "fake-likeness"
metrics = ["fake-likeness"]
models = ["fake-shift"]
budgets = [64]
dataset = {{ name = "fake-photos", count = 6 }}
protections = [{{ name = "counted", log = "calls", {counted} }}, {{ name = "fake-push", {push} }}]
purifications = [{{ name = "fake-grain", strengths = [3] }}]
"""


@dataclass(frozen=True)
class Gated:
    """A folder with a suite and its accepted baseline, in which pytest knows antibench's plugin and no other."""

    path: Path

    def write_suite(self, counted: str = "share = 1.0", push: str = "reach = 1.0") -> Path:
        """The suite, with parameters of its two protections."""
        file = self.path / "gated.toml"
        file.write_text(SUITE.format(counted=counted, push=push))
        return file

    def calls(self) -> int:
        """How many photos the protection `counted` has been asked for."""
        file = self.path / "calls"
        return len(file.read_text().splitlines()) if file.exists() else 0

    def write_test(self, content: str) -> None:
        """Another test beside the suite."""
        (self.path / "test_other.py").write_text(content)

    def pytest(self, *arguments: str) -> pytest.RunResult:
        """Run pytest in this process. Unlike pytester's own way it keeps the modules that it imports: torch cannot be
        imported twice."""
        sys.modules.pop("test_other", None)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = pytest.main(["--import-mode=importlib", "-p", "no:unraisableexception", *arguments])
        return pytest.RunResult(code, out.getvalue().splitlines(), err.getvalue().splitlines(), 0.0)


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the suite, its accepted baseline and the store of the run behind it."""
    load_plugin_file(COUNTED)
    folder = tmp_path_factory.mktemp("accepted")
    plugins = f"{shlex.quote(str(PLUGINS))} {shlex.quote(str(COUNTED))}"
    ini = f"[pytest]\naddopts = -p antibench.pytest_plugin\nantibench_plugins = {plugins}\n"
    (folder / "pytest.ini").write_text(ini)
    Gated(folder).write_suite()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "local_pool", inline_pool)
        patch.chdir(folder)
        ran("run", "--suite", "gated.toml", "--quiet", "--out", "run")
        ran("baseline", "accept", "run")
    (folder / "calls").unlink()
    return folder


@pytest.fixture
def gated(accepted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gated:
    """A copy of it, for this test alone, as the working directory."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(run_module, "local_pool", inline_pool)
    folder = shutil.copytree(accepted, tmp_path / "copy")
    monkeypatch.chdir(folder)
    return Gated(folder)


def ran(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert not ended.value.code


def test_one_test_for_each_protection_purification_and_model(gated: Gated) -> None:
    result = gated.pytest("gated.toml", "--collect-only", "-q")
    names = [f"gated.toml::{protection}[{test}]" for protection in ("counted", "fake-push") for test in TESTS]
    assert [line for line in result.outlines if "::" in line] == names
    assert gated.calls() == 0
    assert not (gated.path / "results" / "runs").exists(), "what is only collected is not run"


def test_what_did_not_change_passes_and_is_not_computed_again(gated: Gated) -> None:
    for _ in range(2):
        gated.pytest("gated.toml").assert_outcomes(passed=6)
    assert gated.calls() == 0


def test_a_weaker_protection_fails_with_what_it_takes_to_believe_it(gated: Gated) -> None:
    gated.write_suite(counted="share = 0.3")
    result = gated.pytest("gated.toml", "--junitxml", "junit.xml", "--store", "never", "-rP")
    assert result.ret == pytest.ExitCode.USAGE_ERROR, "options of antibench run are not pytest's"
    result = gated.pytest("gated.toml", "--junitxml", "junit.xml", "-rP")
    result.assert_outcomes(passed=3, failed=3)
    assert gated.calls() == 6
    text = result.stdout.str()
    interval = r"-?\d\.\d\d \[-?\d\.\d\d, -?\d\.\d\d\]"
    (before, after, change), *_ = re.findall(
        rf"counted on fake-shift at 64 levels, under none, strength by fake-likeness:\n"
        rf"  baseline +({interval}) +\(accepted 20\d\d-\d\d-\d\d, antibench .*\)\n"
        rf"  now +({interval})\n"
        rf"  change +({interval}) +\(paired over 6 photos; accepted: -0\.02\)\n",
        text,
    )
    numbers = [float(found.split()[0]) for found in (before, after, change)]
    assert numbers[2] == pytest.approx(numbers[1] - numbers[0], abs=0.011)
    assert numbers[2] < -0.05
    assert "fake-push on fake-shift at 64 levels, under none, strength by" in text, "-rP shows what passed"

    junit = ElementTree.parse(gated.path / "junit.xml").getroot()
    cases = {case.attrib["name"]: case for case in junit.iter("testcase")}
    assert cases.keys() == {f"{protection}[{test}]" for protection in ("counted", "fake-push") for test in TESTS}
    worst = cases[f"counted[{TESTS[2]}]"]
    properties = {item.attrib["name"]: item.attrib["value"] for item in worst.iter("property")}
    assert properties["verdict"] == "weaker"
    assert float(properties["change_low"]) <= float(properties["change"]) <= float(properties["change_high"]) < -0.05
    assert worst.find("failure") is not None
    assert cases[f"fake-push[{TESTS[0]}]"].find("failure") is None

    # The commands that it names, typed as they stand, say the same.
    run, compare = re.findall(r"^  antibench (.*)$", text, re.MULTILINE)[:2]
    assert antibench(*shlex.split(run), cwd=gated.path).returncode == 0
    done = antibench(*shlex.split(compare), "--json", cwd=gated.path)
    assert done.returncode == 1, done.stderr
    assert f'"change": {properties["change"][:6]}' in done.stdout


def test_what_failed_last_is_what_last_failed_runs(gated: Gated) -> None:
    gated.write_suite(counted="share = 0.3")
    gated.write_test("def test_fine():\n    pass\n\n\ndef test_wrong():\n    assert False\n")
    paths = ["gated.toml", "test_other.py"]
    gated.pytest(*paths).assert_outcomes(passed=4, failed=4)
    gated.pytest(*paths, "--lf").assert_outcomes(failed=4)
    gated.write_suite()
    gated.pytest(*paths, "--lf").assert_outcomes(passed=3, failed=1)


def test_selected_tests_run_their_protections_alone(gated: Gated) -> None:
    gated.write_suite(counted="share = 0.3", push="reach = 0.3")
    gated.pytest("gated.toml", "-k", "fake-push and not grain").assert_outcomes(failed=2, deselected=4)
    assert gated.calls() == 0
    gated.pytest("gated.toml", "-m", "not antibench").assert_outcomes(deselected=6)
    name = f"gated.toml::counted[{TESTS[1]}]"
    gated.pytest(name, "--strict-markers").assert_outcomes(failed=1)
    assert gated.calls() == 6


def test_a_suite_by_name_runs_alone_or_beside_what_is_named(gated: Gated) -> None:
    gated.write_test("def test_fine():\n    pass\n")
    gated.pytest("--antibench", "gated.toml", "-k", "counted").assert_outcomes(passed=3, deselected=3)
    beside = gated.pytest("--antibench", "./gated.toml", "gated.toml", "test_other.py")
    beside.assert_outcomes(passed=7)
    listed = gated.pytest("--antibench", "ci", "--collect-only", "-q").outlines
    assert "suites/ci.toml::advdm[jpeg(75)-dynamicrafter-small-8]" in listed
    result = gated.pytest("--antibench", "cii")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*unknown suite 'cii'; did you mean 'ci'*"])


def test_what_has_no_baseline_is_skipped_by_name_and_not_run(gated: Gated) -> None:
    baseline = gated.path / "results" / "baselines" / "gated.json"
    kept = [line for line in baseline.read_text().splitlines(True) if '"protection": "counted"' not in line]
    baseline.write_text("".join(kept))
    gated.write_suite(counted="share = 0.3", push="reach = 0.3")
    result = gated.pytest("gated.toml", "-rs")
    result.assert_outcomes(failed=3, skipped=3)
    result.stdout.fnmatch_lines(["*no baseline for counted on fake-shift at 64 levels, fake-grain(3) in*gated.json*"])
    assert gated.calls() == 0
    baseline.unlink()
    result = gated.pytest("gated.toml", "-rs")
    result.assert_outcomes(skipped=6)
    result.stdout.fnmatch_lines(["*there is no baseline *gated.json*antibench baseline accept RUN*"])


def test_failed_cells_are_errors_with_their_reason(gated: Gated) -> None:
    gated.write_suite(counted="broken = true")
    result = gated.pytest("gated.toml")
    result.assert_outcomes(errors=3, passed=3)
    result.stdout.fnmatch_lines(["*scores are lost: counted on fake-shift at 64 levels, none: *out of luck*"])
    assert "Traceback" not in result.stdout.str()


def test_a_protection_that_ignores_its_budget_is_an_error_too(gated: Gated) -> None:
    gated.write_suite(counted="share = 9.0")
    result = gated.pytest("gated.toml")
    result.assert_outcomes(errors=3, passed=3)
    result.stdout.fnmatch_lines(["*6 of 6 photos*more than 4 times the budget*"])


@pytest.mark.parametrize(
    ("change", "outcome", "told"),
    [
        (("version = 1", "version = 2"), {"errors": 6}, "*is of version 1 of suite gated, which is at version 2 now*"),
        (("fake-push", "fake-pull"), {"errors": 1}, "*unknown protection 'fake-pull'*"),
        (("schema = 1", "schema = "), {"errors": 1}, "*not valid TOML*"),
        (("count = 6", "count = 6, side = 24"), {"passed": 6}, "*6 passed*"),
        (("fake-shift", "fake-blind"), {"skipped": 6}, "*6 skipped*"),
    ],
)
def test_a_suite_that_does_not_fit_its_baseline(
    gated: Gated, change: tuple[str, str], outcome: dict[str, int], told: str
) -> None:
    file = gated.write_suite()
    file.write_text(file.read_text().replace(*change))
    result = gated.pytest("gated.toml")
    result.assert_outcomes(**outcome)
    result.stdout.fnmatch_lines([told])


def test_a_damaged_baseline_is_an_error_and_no_skip(gated: Gated) -> None:
    (gated.path / "results" / "baselines" / "gated.json").write_text("{")
    result = gated.pytest("gated.toml")
    result.assert_outcomes(errors=6)
    result.stdout.fnmatch_lines(["*gated.json is damaged*"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--antibench-workers", "none"], "*antibench_workers is 'none'; it must be a whole number from 1*"),
        (["--antibench-tolerance", "-1"], "*antibench_tolerance is '-1'; it must be a number from 0*"),
        (["--antibench-tolerance=nan"], "*antibench_tolerance is 'nan'*"),
        (["--antibench-device", "tpu"], "*antibench_device is 'tpu'; it must be cpu or cuda*"),
        (["-o", "antibench_workers=0"], "*antibench_workers is '0'*"),
        (["--antibench-plugin", "nowhere.py"], "*nowhere.py: no such file*"),
    ],
)
def test_a_wrong_option_is_one_error(gated: Gated, options: list[str], told: str) -> None:
    result = gated.pytest("gated.toml", *options)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([told])


def test_options_say_where_things_lie_and_what_is_accepted(gated: Gated) -> None:
    gated.write_suite(counted="share = 0.3")
    (gated.path / "results").rename(gated.path / "kept")
    paths = ["--antibench-baseline", "kept/baselines/gated.json", "--antibench-store", "kept/store"]
    result = gated.pytest("gated.toml", *paths, "-o", "antibench_runs=elsewhere", "-o", "antibench_tolerance=1")
    result.assert_outcomes(passed=6)
    assert gated.calls() == 6, "the store holds what the other protection made"
    assert [folder.name[:6] for folder in (gated.path / "elsewhere").iterdir()] == ["gated-"]
    assert not (gated.path / "results").exists()


def test_two_processes_do_the_work_once(gated: Gated) -> None:
    """Under xdist every worker asks for the run; failed photos, which a resumed run tries again, included."""
    gated.write_suite(counted="broken = true")
    command = [sys.executable, "-m", "pytest", "-p", "xdist", "-n", "2", "gated.toml", "--antibench-workers", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert "3 passed, 3 errors" in done.stdout, done.stdout + done.stderr
    assert gated.calls() == 6
    assert len(list((gated.path / "results" / "runs").iterdir())) == 1


PLAIN = """
import sys
import pytest

code = pytest.main(["-q", "-p", "antibench.pytest_plugin", *sys.argv[1:]])
heavy = {"torch", "numpy", "pydantic", "click", "antibench.run", "antibench.suite_names"}
print("loaded:", sorted(heavy & sys.modules.keys()), "rc:", int(code))
"""


def test_a_plain_pytest_pays_for_one_small_module(gated: Gated) -> None:
    """Suites, broken ones too, and other TOML files that lie about are no tests unless they are named."""
    (gated.path / "broken.toml").write_text("schema = ")
    (gated.path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    gated.write_test("def test_fine():\n    pass\n")
    done = subprocess.run([sys.executable, "-c", PLAIN], cwd=gated.path, capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines()[-1] == "loaded: [] rc: 0", done.stdout + done.stderr
    assert "1 passed" in done.stdout
    named = subprocess.run(
        [sys.executable, "-c", PLAIN, "pyproject.toml"], cwd=gated.path, capture_output=True, text=True, timeout=120
    )
    assert "antibench" not in named.stdout, "a TOML file that is no suite is left to other plugins"


def test_the_plugin_is_imported_in_milliseconds() -> None:
    code = (
        "import pytest, time; start = time.process_time(); import antibench.pytest_plugin; "
        "print(time.process_time() - start)"
    )
    took = [float(subprocess.check_output([sys.executable, "-c", code], text=True, timeout=60)) for _ in range(3)]
    assert min(took) < 0.05
