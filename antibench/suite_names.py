"""The suites that come with antibench, by name."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path

from antibench.errors import UserError, closest

_NAME = re.compile(r"[a-z0-9-]+")


def suite_names() -> list[str]:
    """Names of the suites that come with antibench."""
    folder = resources.files("antibench.suites")
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def description(name: str) -> str:
    """The one line that a suite says of itself."""
    return str(tomllib.loads(find_suite(name).read_text("utf-8")).get("description", ""))


def find_suite(spec: str) -> Path:
    """The file of a suite. Only what looks like a path (a separator or ``.toml``) is taken as one.

    Raises:
        UserError: if there is no suite of that name.
    """
    if spec.endswith(".toml") or "/" in spec or "\\" in spec:
        return Path(spec)
    names = suite_names()
    if not _NAME.fullmatch(spec) or spec not in names:
        raise UserError(f"unknown suite {spec!r}{closest(spec, names)} (suites: {', '.join(names)})")
    return Path(str(resources.files("antibench.suites").joinpath(f"{spec}.toml")))
