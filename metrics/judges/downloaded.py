"""Weight files that come from a download: looked up where it puts them and checked, never fetched.

A metric scores cells in many processes, and none of them starts a download in the middle of a run.
"""

from __future__ import annotations

import hashlib
import os
import re
from functools import cache
from pathlib import Path

from huggingface_hub import try_to_load_from_cache

from antibench.errors import UserError

FOLDER = "ANTIBENCH_JUDGES"
"""Environment variable: a folder that holds such files by their own names, below a folder for each judge."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def judges_folder() -> Path:
    """Where files are looked for that no cache holds."""
    return Path(os.environ.get(FOLDER) or "~/.cache/antibench/judges").expanduser()


def checked(path: Path, sha256: str) -> Path:
    """The path of a file, once its content is known to be the one expected; read once per process.

    Raises:
        UserError: if it is another one.
    """
    found = _digest(path, path.stat().st_mtime_ns)
    if found != sha256:
        raise UserError(f"{path} has sha256 {found[:12]}..., expected {sha256[:12]}...; delete it and fetch it again")
    return path


def cached_in_hub(repo_id: str, revision: str, name: str) -> Path | None:
    """A file of a repository at a commit, if the hub's cache holds it."""
    found = try_to_load_from_cache(repo_id, name, revision=revision)
    return Path(found) if isinstance(found, str) else None


def require_sha256(value: str, parameter: str) -> None:
    """Check a parameter that pins a file, empty for "not given yet".

    Raises:
        ValueError: if it is neither empty nor 64 hex digits.
    """
    if value and not _SHA256.fullmatch(value):
        raise ValueError(f"{parameter} must be the 64 hex digits that sha256sum prints, got {value!r}")


def require_commit(value: str, parameter: str) -> None:
    """Check a parameter that pins a repository, empty for "not given yet".

    Raises:
        ValueError: if it is neither empty nor 40 hex digits.
    """
    if value and not _COMMIT.fullmatch(value):
        raise ValueError(f"{parameter} must be the 40 hex digits of a commit, got {value!r}")


@cache
def _digest(path: Path, modified: int) -> str:
    """SHA-256 of a file; `modified` is part of what is remembered."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
