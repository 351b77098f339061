"""Registries: names to plugins, loaded only when used.

A built-in is listed in `antibench.builtin` with its version and one line of description, so that listing imports
nothing. Others extend a registry through an entry point group (``antibench.attacks`` ...), a ``--plugin FILE`` or
the decorator `Registry.register`. A name is ``advdm`` or ``advdm@1``; a second thing of the same name is an error.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from antibench.errors import UserError

C = TypeVar("C", bound=type[Any])


@dataclass(frozen=True)
class Entry:
    """One registered thing, possibly not imported yet."""

    name: str
    version: int
    summary: str
    target: str
    """``module:Object``, imported on first use."""
    origin: str
    """Where the registration was made, for error messages."""


class Registry:
    """Names of one kind of plugin."""

    def __init__(self, kind: str, group: str) -> None:
        self.kind = kind
        self.group = group
        self._entries: dict[str, Entry] = {}
        self._objects: dict[str, type[Any]] = {}
        self._entry_points_read = False

    def add(self, entry: Entry) -> None:
        """Add a lazily imported entry.

        Raises:
            UserError: if the name is taken by something else; both places are named.
        """
        present = self._entries.get(entry.name)
        if present is not None:
            if present.target == entry.target:
                return
            raise UserError(
                f"{self.kind} {entry.name!r} is registered twice, by {present.origin} and {entry.origin}; rename one"
            )
        self._entries[entry.name] = entry

    def register(self, cls: C) -> C:
        """Class decorator: make a plugin available under its own `name`."""
        origin = _origin(cls)
        entry = Entry(cls.name, cls.version, _summary(cls), f"{cls.__module__}:{cls.__qualname__}", origin)
        self.add(entry)
        self._objects.setdefault(cls.name, cls)
        return cls

    def entries(self) -> list[Entry]:
        """All entries in order of name; imports no plugin but those of entry points that only a load can name."""
        self._read_entry_points()
        return sorted(self._entries.values(), key=lambda entry: entry.name)

    def find(self, spec: str) -> Entry:
        """The entry of ``name`` or ``name@version``.

        Raises:
            UserError: unknown name (with the closest ones) or another version than asked for.
        """
        self._read_entry_points()
        name, _, wanted = spec.partition("@")
        entry = self._entries.get(name)
        if entry is None:
            close = difflib.get_close_matches(name, self._entries, n=3, cutoff=0.5)
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            raise UserError(f"unknown {self.kind} {name!r}{hint} (`antibench list` shows all)")
        if wanted and wanted != str(entry.version):
            raise UserError(f"{self.kind} {spec!r} is not available: this antibench has {name}@{entry.version}")
        return entry

    def load(self, spec: str) -> type[Any]:
        """The class behind a name."""
        entry = self.find(spec)
        if entry.name not in self._objects:
            module, _, attribute = entry.target.partition(":")
            loaded = getattr(importlib.import_module(module), attribute)
            if loaded.name != entry.name or loaded.version != entry.version:
                raise UserError(
                    f"{entry.origin} registers {self.kind} {entry.name}@{entry.version}, "
                    f"but {entry.target} says it is {loaded.name}@{loaded.version}"
                )
            self._objects[entry.name] = loaded
        return self._objects[entry.name]

    def create(self, spec: str, params: dict[str, Any] | None = None) -> Any:
        """An instance with the given parameters.

        Raises:
            UserError: for a parameter the class does not have, naming the ones it has.
        """
        cls = self.load(spec)
        given = params or {}
        known = [item.name for item in dataclasses.fields(cls)]
        for key in given:
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                has = ", ".join(known) or "none"
                raise UserError(f"{self.kind} {spec!r} has no parameter {key!r}{hint} (it has: {has})")
        try:
            return cls(**given)
        except (TypeError, ValueError) as error:
            raise UserError(f"{self.kind} {spec!r} refuses its parameters: {error}") from error

    def _read_entry_points(self) -> None:
        if self._entry_points_read:
            return
        self._entry_points_read = True
        for point in importlib.metadata.entry_points(group=self.group):
            distribution = point.dist.name if point.dist is not None else "an unnamed package"
            try:
                cls = point.load()
            except Exception as error:
                raise UserError(f"entry point {point.name!r} of {distribution} ({self.group}): {error!r}") from error
            entry = Entry(cls.name, cls.version, _summary(cls), point.value, f"{distribution} ({_origin(cls)})")
            self.add(entry)
            self._objects[cls.name] = cls


def _summary(cls: type[Any]) -> str:
    return str(cls.card.title)


def _origin(cls: type[Any]) -> str:
    try:
        return f"{inspect.getsourcefile(cls)}:{inspect.getsourcelines(cls)[1]}"
    except (OSError, TypeError):
        return cls.__module__


def resolved_params(plugin: Any) -> dict[str, Any]:
    """The parameters of a plugin instance, defaults included, as JSON types."""
    return {
        item.name: list(value) if isinstance(value := getattr(plugin, item.name), tuple) else value
        for item in dataclasses.fields(plugin)
    }


def source_hash(cls: type[Any]) -> str:
    """Hash of the file a plugin is written in, kept beside its results."""
    path = inspect.getsourcefile(cls)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16] if path else ""


PROTECTIONS = Registry("protection", "antibench.attacks")
PURIFICATIONS = Registry("purification", "antibench.purifications")
METRICS = Registry("metric", "antibench.metrics")
MODELS = Registry("video model", "antibench.models")
DATASETS = Registry("dataset", "antibench.datasets")
ALL: dict[str, Registry] = {
    "protections": PROTECTIONS,
    "purifications": PURIFICATIONS,
    "metrics": METRICS,
    "models": MODELS,
    "datasets": DATASETS,
}


def load_plugin_file(path: Path) -> None:
    """Run a plugin file; its decorators register what it defines.

    Raises:
        UserError: if the file is missing or fails.
    """
    if not path.is_file():
        raise UserError(f"--plugin {path}: no such file")
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    name = f"antibench_plugin_{digest}"
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"--plugin {path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except UserError:
        del sys.modules[name]
        raise
    except Exception as error:
        del sys.modules[name]
        raise UserError(f"--plugin {path} fails: {error!r}") from error


def _add_builtins() -> None:
    from antibench.builtin import BUILTIN

    for kind, rows in BUILTIN.items():
        for spec, target, summary in rows:
            name, _, version = spec.partition("@")
            ALL[kind].add(Entry(name, int(version), summary, target, "antibench"))


_add_builtins()
