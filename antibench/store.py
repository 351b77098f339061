"""The store: finished results by key, shared by every run and process that sees the folder.

``ab/cdef....png`` (or ``.mkv``) holds an image or clip, ``ab/cdef....json`` beside it says what it is: the content's
SHA-256, seconds, peak memory, source hash. A score has only the JSON. Files appear whole or not at all; what does not
match its hash is renamed ``*.corrupt`` and counts as missing. What took long to make is on the disk before the run goes
on; the rest outlives its process, but a power cut may tear it, which its hash shows.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from pathlib import Path
from typing import Any, Literal

from antibench.errors import UserError
from antibench.keys import canonical_json

Kind = Literal["png", "mkv"]
_KEY = re.compile(r"[0-9a-f]{64}")
DURABLE_FROM_S = 5.0
"""Seconds of work from which a result is worth waiting for the disk."""


class StoreError(UserError):
    """The store cannot be written or read: no place, no permission."""


class MissingArtifact(Exception):  # noqa: N818 (a state of the store, not an error of the user)
    """An artifact is not there, or was damaged and set aside."""


class Store:
    """Results by key under one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self) -> None:
        """Make the folder and check that it can be written.

        Raises:
            StoreError: if not.
        """
        probe = self.folder / f".probe-{os.getpid()}-{secrets.token_hex(4)}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise _told(self.folder, error) from error

    def put(self, key: str, kind: Kind, content: bytes, facts: dict[str, Any]) -> None:
        """Store an artifact. The facts come last: an artifact without them does not exist yet."""
        self._write(self._path(key, kind), content, _is_worth_the_wait(facts))
        self.put_record(key, {**facts, "kind": kind, "content_sha256": hashlib.sha256(content).hexdigest()})

    def put_record(self, key: str, record: dict[str, Any]) -> None:
        """Store a dict of JSON types; `seconds` in it, if any, are those it took to make."""
        body = {**record, "self_sha256": _self_hash(record)}
        content = json.dumps(body, sort_keys=True, allow_nan=False) + "\n"
        self._write(self._path(key, "json"), content.encode(), _is_worth_the_wait(record))

    def record(self, key: str) -> dict[str, Any] | None:
        """What is stored under a key: a score, or the facts of an artifact. None if nothing, or nothing intact."""
        path = self._path(key, "json")
        try:
            body = json.loads(path.read_bytes())
            expected = body.pop("self_sha256")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _told(path, error) from error
        except (ValueError, KeyError, AttributeError):
            self._set_aside(path)
            return None
        if expected != _self_hash(body):
            self._set_aside(path)
            return None
        return dict(body)

    def get(self, key: str) -> bytes:
        """The content of an artifact.

        Raises:
            MissingArtifact: if it is not there or not intact.
        """
        facts = self.record(key)
        if facts is None or facts.get("kind") not in ("png", "mkv"):
            raise MissingArtifact(key)
        path = self._path(key, facts["kind"])
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise MissingArtifact(key) from None
        except OSError as error:
            raise _told(path, error) from error
        if hashlib.sha256(content).hexdigest() != facts["content_sha256"]:
            self._set_aside(path)
            raise MissingArtifact(key)
        return content

    def intact(self, key: str) -> bool:
        """Whether an artifact is there and matches its hash."""
        try:
            self.get(key)
        except MissingArtifact:
            return False
        return True

    def _path(self, key: str, kind: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a key: {key!r}")
        return self.folder / key[:2] / f"{key[2:]}.{kind}"

    def _write(self, path: Path, content: bytes, durable: bool) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content, durable=durable)
        except OSError as error:
            raise _told(path, error) from error

    def _set_aside(self, path: Path) -> None:
        try:
            os.replace(path, path.with_name(f"{path.name}.corrupt"))
        except FileNotFoundError:
            pass  # another process was quicker
        except OSError as error:
            raise _told(path, error) from error


def write_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file so that readers, and a crash, see the old content or the new, never a part.

    Without `durable` that holds for a crash of this process, not of the machine.

    Raises:
        OSError: as the file system says.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("wb") as handle:
            handle.write(content)
            handle.flush()
            if durable:
                os.fsync(handle.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _is_worth_the_wait(facts: dict[str, Any]) -> bool:
    return float(facts.get("seconds", 0.0)) >= DURABLE_FROM_S


def _self_hash(record: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(record).encode()).hexdigest()


def _told(path: Path, error: OSError) -> StoreError:
    return StoreError(f"{path}: {error.strerror or error}; free some space or choose another --store")
