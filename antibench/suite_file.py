"""Suites from files: found by name or path, `extends` followed, errors told as file, line and key."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from antibench.errors import UserError, closest
from antibench.suite import Suite
from antibench.suite_names import find_suite

_MAX_DEPTH = 8


def load_suite(spec: str, overrides: list[Any] | None = None) -> Suite:
    """Read a suite and apply overrides.

    Args:
        spec: A name of a suite that comes with antibench, or the path of a TOML file.
        overrides: Functions that change the raw dict, from `suite_options`.

    Raises:
        UserError: for a suite that does not exist or is broken, naming file, line and key.
    """
    path = find_suite(spec)
    raw, origins = _read(path, [])
    for override in overrides or []:
        override(raw)
    return validated(raw, origins)


def _read(path: Path, seen: list[Path]) -> tuple[dict[str, Any], dict[str, Path]]:
    """The raw suite, and the file that each top-level key comes from."""
    if path.resolve() in seen or len(seen) >= _MAX_DEPTH:
        raise UserError(f"suite {path}: `extends` leads back to itself")
    try:
        own = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(f"suite {path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"suite {path}: cannot be read ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"suite {path}: not valid TOML: {error}") from error
    base: dict[str, Any] = {}
    origins: dict[str, Path] = {}
    parent = own.pop("extends", None)
    if parent is not None:
        if not isinstance(parent, str):
            raise UserError(f"suite {path}, line {line_of(path, ('extends',))}, key extends: must be a name or a path")
        found = find_suite(parent)
        if not found.is_absolute():
            found = path.parent / found
        base, origins = _read(found, [*seen, path.resolve()])
    base.update(own)
    origins.update(dict.fromkeys(own, path))
    origins.setdefault("", path)
    if parent is not None:
        origins[""] = path
    return base, origins


def validated(raw: dict[str, Any], origins: dict[str, Path] | None = None) -> Suite:
    """A checked suite.

    Args:
        raw: The suite as a dict of JSON types.
        origins: The file of each top-level key, for the message; "" is the suite's own.

    Raises:
        UserError: for the first thing that is wrong.
    """
    try:
        return Suite.model_validate(raw)
    except ValidationError as error:
        raise UserError(_told(error, raw, origins or {})) from error


def _told(error: ValidationError, raw: dict[str, Any], origins: dict[str, Path]) -> str:
    first = error.errors()[0]
    where = tuple(part for part in first["loc"] if isinstance(part, int) or not part.startswith("function-"))
    message = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        known = [field.alias or name for name, field in Suite.model_fields.items()]
        message = f"unknown key{closest(str(where[-1]), known)}"
    if not where and message.startswith("headline"):
        where = ("headline",)
    file = origins.get(str(where[0]) if where else "", origins.get(""))
    line = line_of(file, where) if file is not None else None
    shown = ".".join(str(part) for part in where)
    place = [f"suite {file or raw.get('name', '')}", f"line {line}" if line else "", f"key {shown}" if shown else ""]
    return f"{', '.join(part for part in place if part)}: {message}"


def line_of(path: Path, where: tuple[int | str, ...]) -> int | None:
    """The line of a key such as ("protections", 1, "steps"), or of the closest table around it that can be found."""
    lines = path.read_text("utf-8").splitlines()
    best: int | None = None
    table: tuple[int | str, ...] = ()
    counts: dict[str, int] = {}
    for number, text in enumerate(lines, 1):
        header = re.match(r"\s*(\[\[?)\s*([\w.-]+)\s*\]", text)
        key = re.match(r"\s*\"?([\w-]+)\"?\s*=", text)
        if header:
            name = header[2]
            table = tuple(name.split("."))
            if header[1] == "[[":
                counts[name] = counts.get(name, -1) + 1
                table = (*table, counts[name])
            here = table
        elif key:
            here = (*table, key[1])
        else:
            continue
        if here == where[: len(here)]:
            best = number
    return best
