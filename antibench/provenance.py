"""Where a result comes from: versions, platform and commit. No host name, no path, no variable's value."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import antibench
from antibench import registry
from antibench.components import Resolved
from antibench.errors import UserError
from antibench.keys import KEY_SCHEMA, sha256_of
from antibench.suite import Suite

_HARNESS = ("plan.py", "graph.py", "keys.py", "resolve.py", "rows_of_run.py", "expression.py", "components.py")


def environment(resolved: Resolved) -> dict[str, Any]:
    """What ``env.json`` holds."""
    return {
        "antibench": antibench.__version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "device": resolved.precision,
        "libraries": _libraries(),
        "local_weights": resolved.local_weights,
        "backends": {item.label: item.backend for item in resolved.parts},
        "sources": {f"{item.kind.removesuffix('s')} {item.label}": item.source for item in resolved.components},
    }


def fingerprint(
    suite: Suite, precision: str, plugin_files: tuple[Path, ...], weights: Mapping[str, str] | None = None
) -> str:
    """Hash of all that a plan depends on, read without importing a plugin: the suite, the code, a folder's files,
    the digests of local weights.

    Two runs of the same fingerprint plan the same cells from the same photos.
    """
    named: list[tuple[str, str]] = [("datasets", suite.dataset.name)]
    named += [("models", choice.name) for choice in suite.model_choices]
    named += [("protections", name) for choice in suite.scored_protections for name in choice.names]
    named += [("purifications", name) for choice in suite.scored_protections for name in choice.through]
    named += [("purifications", name) for choice in suite.purifications for name in choice.names]
    named += [("metrics", choice.name) for choice in suite.metrics]
    entries = [registry.ALL[kind].find(name) for kind, name in named]
    here = Path(__file__).parent
    return sha256_of(
        {
            "schema": KEY_SCHEMA,
            "suite": suite.as_dict(),
            "precision": precision,
            "weights": dict(weights or {}),
            "components": [[entry.name, entry.version, _module_hash(entry.target)] for entry in entries],
            "plugins": [_file_hash(file) for file in plugin_files],
            "harness": [_file_hash(here / name) for name in _HARNESS],
            "files": [_folder_state(value) for value in suite.dataset.params.values() if isinstance(value, str)],
        }
    )


def _libraries() -> dict[str, str]:
    """Versions of antibench's requirements, the optional ones that are there included."""
    names = {re.split(r"[\s\[<>=!~;]", line, maxsplit=1)[0] for line in importlib.metadata.requires("antibench") or []}
    found = {}
    for name in sorted(names):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _commit() -> str | None:
    """The commit of a source checkout, with ``+changes`` if files differ from it; None for an installed package."""
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None
    try:
        head = _git(root, "rev-parse", "HEAD")
        return head + ("+changes" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()


def _module_hash(target: str) -> str:
    module = target.partition(":")[0]
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return ""
    return _file_hash(Path(spec.origin)) if spec is not None and spec.origin else ""


def _file_hash(path: Path) -> str:
    try:
        return sha256_of(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from error


def _folder_state(value: str) -> list[list[Any]]:
    """Name, size and time of change of the files that a dataset's parameter points at; [] if it points at none."""
    path = Path(value)
    try:
        files = sorted(path.rglob("*")) if path.is_dir() else [path] if path.is_file() else []
        states = [(file, file.stat()) for file in files]
    except OSError:
        return []
    return [[str(file), state.st_size, state.st_mtime_ns] for file, state in states]
