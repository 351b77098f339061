"""Weights from a local folder instead of the hub (`--weights MODEL=PATH`): which model, which files, and their digest.

Keys hold the digest, never the path: the same files give the same keys wherever they lie, one other byte other keys.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from antibench import registry
from antibench.errors import UserError, closest
from antibench.expression import is_expression
from antibench.keys import job_key, sha256_of
from antibench.store import Store
from antibench.suite import Suite

PIPELINE_INDEX = "model_index.json"
NETWORK_CONFIG = "config.json"
READ = frozenset({".json", ".safetensors", ".bin", ".ckpt", ".txt", ".model", ".jinja"})
"""Endings of the files that a loader may read; a README or the hub client's own notes do not count."""
SLOW_GB = 1.0
"""Size from which reading the files is worth a word."""


@dataclass(frozen=True)
class LocalWeights:
    """Where a model's weights lie, and what they are.

    Attributes:
        path: Absolute path of the folder or file.
        digest: SHA-256 of the names and contents of the files that are read.
    """

    path: Path
    digest: str


def local_weights(
    suite: Suite, given: Sequence[str], store: Store, note: Callable[[str], None]
) -> dict[str, LocalWeights]:
    """The local weights that the options ask for, by label of the model or purification.

    Args:
        suite: The suite; MODEL is the name or label of one of its models, surrogates or purifications.
        given: The `MODEL=PATH` of each option.
        store: Remembers the hashes of files, so that they are read once.
        note: Told if reading them takes a while.

    Raises:
        UserError: for a model that the suite does not have or whose weights are embedded, and for a path or file that
            is not there.
    """
    choices = {choice.shown: (registry.MODELS, choice.name) for choice in suite.model_choices}
    choices |= {
        name if is_expression(choice.name) else choice.shown: (registry.PURIFICATIONS, name)
        for choice in suite.purifications
        for name in choice.names
    }
    asked: dict[str, Path] = {}
    files: dict[str, dict[str, Path]] = {}
    for text in given:
        model, path = named_path(text)
        labels = [label for label, (_, name) in choices.items() if model in (label, name.partition("@")[0])]
        if not labels:
            raise UserError(
                f"--weights {text}: the suite has no model or purification {model!r}{closest(model, choices)} "
                f"(it has: {', '.join(choices)})"
            )
        for label in labels:
            if label in asked:
                raise UserError(f"--weights {text}: the weights of {label} are given twice")
            kind, name = choices[label]
            asked[label] = checked(model, kind.load(name), path)
            files[label] = _files(asked[label], kind.load(name))
    return {label: LocalWeights(path, _digest(files[label], store, note)) for label, path in asked.items()}


def named_path(text: str) -> tuple[str, Path]:
    """The model and the path of one `MODEL=PATH`.

    Raises:
        UserError: if it is not of that form.
    """
    model, equals, path = text.partition("=")
    if not (model and equals and path):
        raise UserError(f"--weights {text!r}: write MODEL=PATH, such as svd=weights/svd")
    return model, Path(path).expanduser()


def checked(model: str, spec_cls: type[Any], path: Path) -> Path:
    """The absolute path, if what a model needs lies there.

    Args:
        model: What the user called it.
        spec_cls: The model's class.
        path: A folder, or for a model of one file that file.

    Raises:
        UserError: naming the path and the first file that is not there.
    """
    wanted: tuple[str, ...] = getattr(spec_cls, "local_files", ())
    if not wanted:
        raise UserError(f"--weights {model}={path}: {model} takes no local weights; what it has is part of antibench")
    if not path.exists():
        raise UserError(f"--weights {model}={path}: no such folder")
    if path.is_file():
        if _is_one_file(wanted):
            return path.resolve()
        raise UserError(f"--weights {model}={path}: a file; give the folder that holds {wanted[0]}")
    for name in wanted:
        if not (path / name).is_file():
            raise UserError(f"--weights {model}={path}: the folder holds no {name}")
    return path.resolve()


def digests(weights: Mapping[str, LocalWeights]) -> dict[str, str]:
    """The digest of each model's local weights, by label."""
    return {label: item.digest for label, item in weights.items()}


def places(weights: Mapping[str, LocalWeights]) -> dict[str, Path]:
    """Where the local weights of each digest lie."""
    return {item.digest: item.path for item in weights.values()}


def _is_one_file(wanted: tuple[str, ...]) -> bool:
    return len(wanted) == 1 and Path(wanted[0]).name not in (PIPELINE_INDEX, NETWORK_CONFIG)


def _files(path: Path, spec_cls: type[Any]) -> dict[str, Path]:
    """The files that loading reads, by their names below the folder."""
    wanted: tuple[str, ...] = spec_cls.local_files
    if path.is_file():
        return {wanted[0]: path}
    found = {}
    for name in wanted:
        file = path / name
        found[name] = file
        for folder in _folders_of(file):
            found |= {below.relative_to(path).as_posix(): below for below in _read_in(folder)}
    return found


def _folders_of(file: Path) -> list[Path]:
    """The folders that a file of the list stands for."""
    if file.name == NETWORK_CONFIG:
        return [file.parent]
    if file.name != PIPELINE_INDEX:
        return []
    try:
        index = json.loads(file.read_text("utf-8"))
        parts = [name for name, part in index.items() if isinstance(part, list)]
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"{file}: not an index of a pipeline's parts ({error})") from error
    # A part is a folder beside the index, whatever the index says.
    return [file.parent / name for name in parts if "/" not in name and "\\" not in name and not name.startswith(".")]


def _read_in(folder: Path) -> Iterator[Path]:
    for file in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if file.suffix in READ and not hidden and file.is_file():
            yield file


def _digest(files: Mapping[str, Path], store: Store, note: Callable[[str], None]) -> str:
    try:
        unread = {path for path in files.values() if store.record(_state(path)) is None}
        gigabytes = sum(path.stat().st_size for path in unread) / 1e9
        if gigabytes >= SLOW_GB:
            note(f"reading {gigabytes:.1f} GB of local weights once, to know them again")
        return sha256_of({name: _sha256(path, store) for name, path in files.items()})
    except OSError as error:
        raise UserError(f"local weights cannot be read: {error}") from error


def _sha256(path: Path, store: Store) -> str:
    """Hash of a file, remembered in the store as long as the file is not touched."""
    key = _state(path)
    known = store.record(key)
    if known is not None:
        return str(known["sha256"])
    start = time.perf_counter()
    with path.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if _state(path) == key:  # else someone is writing it
        store.put_record(key, {"stage": "weights", "sha256": found, "seconds": time.perf_counter() - start})
    return found


def _state(path: Path) -> str:
    """What changes whenever a file does, and says nothing of where it lies."""
    state = path.stat()
    return job_key(
        "weights",
        inode=[str(state.st_dev), str(state.st_ino)],
        size=state.st_size,
        times=[str(state.st_mtime_ns), str(state.st_ctime_ns)],
    )
