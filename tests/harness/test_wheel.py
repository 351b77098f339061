"""A wheel, installed in a clean environment and used from another folder, is the whole product."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = ("antibench", "attacks", "purifications", "metrics", "suites")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the wheel; the libraries it depends on are those of this one."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in SHIPPED:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE", "THIRD_PARTY.md"):
        shutil.copy(ROOT / file, source / file)
    built = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)]
    subprocess.run(built, check=True, capture_output=True, timeout=300)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin" / "python"
    site = subprocess.check_output(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
    ).strip()
    # A path from a .pth file comes after the environment's own, and no .pth file in it is read: not the source's tree.
    Path(site, "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", "--target", site]
    subprocess.run([*install, str(wheel)], check=True, timeout=120)
    return python


def antibench(python: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from antibench.cli import main; main()"
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment = {**clean, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    argv = [str(python), "-c", code, *arguments]
    return subprocess.run(argv, capture_output=True, text=True, cwd=cwd, env=environment, timeout=500)


@pytest.mark.slow
def test_everything_is_in_the_wheel(python: Path, tmp_path: Path) -> None:
    where = [str(python), "-c", "import antibench, antibench.attacks as a; print(antibench.__file__, a.__file__)"]
    for path in subprocess.check_output(where, text=True, cwd=tmp_path).split():
        assert path.startswith(str(python.parents[1]))
    done = antibench(python, tmp_path, "list", "--json")
    assert done.returncode == 0, done.stderr
    here = subprocess.run(
        [sys.executable, "-c", "from antibench.cli import main; main(['list', '--json'])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == json.loads(here.stdout)
    (wheel,) = python.parents[2].glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    assert any(name.endswith("/THIRD_PARTY.md") for name in held)  # the licence of the weights that come along
    for name in SHIPPED:
        for path in (ROOT / name).rglob("*"):
            if path.suffix in (".py", ".toml", ".json", ".safetensors", ".j2", ".css", ".js"):
                relative = path.relative_to(ROOT).as_posix()
                assert (relative if name == "antibench" else f"antibench/{relative}") in held


@pytest.mark.slow
def test_pytest_knows_the_plugin_of_an_installed_wheel(python: Path, tmp_path: Path) -> None:
    """By its entry point, with nothing said on the command line; and a plain run is as if it were not there."""
    (tmp_path / "test_plain.py").write_text("def test_fine():\n    pass\n")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "PYTHONPATH"))}
    argv = [str(python), "-m", "pytest", "-q"]
    options = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True, "timeout": 300}
    assert "1 passed" in subprocess.run(argv, **options).stdout
    listed = subprocess.run([*argv, "--antibench", "smoke", "--collect-only"], **options).stdout
    assert "suites/smoke.toml::advdm[none-dynamicrafter-small-8]" in listed
    skipped = subprocess.run([*argv, "--antibench", "smoke", "-rs"], **options)
    assert skipped.returncode == 0
    assert "9 skipped" in skipped.stdout


@pytest.mark.slow
def test_smoke_runs_from_the_wheel(python: Path, tmp_path: Path) -> None:
    done = antibench(python, tmp_path, "run", "--suite", "smoke", "--limit", "2", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["world"] == "small"
    assert summary["cells"]["failed"] == 0
    assert {row["protection"] for row in summary["rows"]} >= {"advdm", "mist", "anti-i2v", "random-sign"}
    assert (tmp_path / "results" / "runs").is_dir()
