"""The store: whole files, noticed damage, clear words when there is no space."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest

from antibench.store import MissingArtifact, Store, StoreError, write_atomically

KEY = "ab" + "0" * 62
OTHER = "cd" + "1" * 62


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "store")
    made.prepare()
    return made


def test_round_trip(store: Store) -> None:
    store.put(KEY, "png", b"pixels", {"seconds": 1.5})
    assert store.get(KEY) == b"pixels"
    record = store.record(KEY)
    assert record is not None
    assert record["seconds"] == 1.5
    assert sorted(path.name for path in store.folder.rglob("*.*")) == [f"{KEY[2:]}.json", f"{KEY[2:]}.png"]


def test_nothing_there(store: Store) -> None:
    assert store.record(KEY) is None
    assert not store.intact(KEY)
    with pytest.raises(MissingArtifact):
        store.get(KEY)


def test_a_record_is_no_artifact(store: Store) -> None:
    store.put_record(KEY, {"value": 0.5})
    assert store.record(KEY) == {"value": 0.5}
    assert not store.intact(KEY)


@pytest.mark.parametrize("suffix", ["png", "json"])
@pytest.mark.parametrize("damage", [b"", b"pix", b"PIXELS", b'{"kind": "png"}'])
def test_damage_is_noticed_set_aside_and_can_be_made_good(store: Store, suffix: str, damage: bytes) -> None:
    store.put(KEY, "png", b"pixels", {})
    path = store.folder / KEY[:2] / f"{KEY[2:]}.{suffix}"
    path.write_bytes(damage)
    with pytest.raises(MissingArtifact):
        store.get(KEY)
    assert path.with_name(path.name + ".corrupt").read_bytes() == damage
    store.put(KEY, "png", b"pixels", {})
    assert store.get(KEY) == b"pixels"


def test_a_record_that_was_edited_is_damaged(store: Store) -> None:
    store.put_record(KEY, {"value": 0.5})
    path = store.folder / KEY[:2] / f"{KEY[2:]}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "value": 0.9}))
    assert store.record(KEY) is None


def test_content_without_facts_does_not_exist(store: Store) -> None:
    """A kill between the two writes leaves the content alone."""
    store.put(KEY, "png", b"pixels", {})
    (store.folder / KEY[:2] / f"{KEY[2:]}.json").unlink()
    assert not store.intact(KEY)


@pytest.mark.parametrize("key", ["../../etc/passwd", "ab/cd", KEY.upper(), KEY + "0", ""])
def test_only_keys_become_paths(store: Store, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        store.record(key)


def test_full_disk_is_told_and_leaves_nothing_half_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for call, seconds in (("replace", 0.0), ("fsync", 60.0)):
        with monkeypatch.context() as patched:
            patched.setattr(os, call, full)
            with pytest.raises(StoreError, match="No space left on device; free some space or choose another --store"):
                store.put(KEY, "png", b"pixels", {"seconds": seconds})
        assert not [path for path in store.folder.rglob("*") if path.is_file()]


def test_only_what_took_long_waits_for_the_disk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[int] = []
    monkeypatch.setattr(os, "fsync", waits.append)
    store.put_record(KEY, {"value": 0.5, "seconds": 0.1})
    store.put(OTHER, "png", b"pixels", {"seconds": 4.9})
    assert waits == []
    assert store.get(OTHER) == b"pixels"
    store.put_record(KEY, {"value": 0.5, "seconds": 5.0})
    store.put(OTHER, "png", b"pixels", {"seconds": 60.0})
    assert len(waits) == 3


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="choose another --store"):
        Store(tmp_path / "file" / "store").prepare()


def test_a_failed_write_keeps_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def broken(*arguments: Any) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(OSError, match="broken"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def _write_often(folder: Path, content: bytes) -> None:
    store = Store(folder)
    for _ in range(30):
        store.put(KEY, "png", content, {"length": len(content)})


def test_many_writers_of_one_key_never_show_a_part(store: Store) -> None:
    """Writers of a key write the same content, as its inputs are in the key."""
    content = os.urandom(20_000)
    store.put(KEY, "png", content, {"length": len(content)})
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_often, args=(store.folder, content)) for _ in range(3)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert store.get(KEY) == content
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert not list(store.folder.rglob("*.corrupt"))
