"""A folder of photos: which files are cases, in what order, with which captions."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from antibench.contracts import BrokenCase, Case
from antibench.datasets.folder import Folder
from antibench.errors import UserError
from antibench.pixels import digest


def put(folder: Path, *names: str) -> None:
    """Write photos of 20x20, each of another grey."""
    for level, name in enumerate(names):
        Image.new("RGB", (20, 20), (level, level, level)).save(folder / name, "PNG")


def captions(folder: Folder) -> dict[str, str]:
    return {case.id: case.caption for case in folder.cases() if isinstance(case, Case)}


def test_photos_in_order_of_name(tmp_path: Path) -> None:
    put(tmp_path, "b.png", "a.PNG", "c.jpeg")
    folder = Folder(str(tmp_path))
    assert folder.ids() == ["a.PNG", "b.png", "c.jpeg"]
    cases = list(folder.cases())
    assert [case.id for case in cases] == folder.ids()
    assert [int(case.photo[0, 0, 0]) for case in cases if isinstance(case, Case)] == [1, 0, 2]
    assert all(isinstance(case, Case) and case.sha256 == digest(case.photo) and case.clip is None for case in cases)


def test_what_is_no_photo_is_no_case(tmp_path: Path) -> None:
    put(tmp_path, "a.png", ".hidden.png")
    (tmp_path / "notes.md").write_text("notes")
    (tmp_path / "folder.png").mkdir()
    assert Folder(str(tmp_path)).ids() == ["a.png"]


def test_a_broken_file_is_a_case_with_a_reason(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "c.png")
    (tmp_path / "b.png").write_text("not a photo")
    Image.new("RGB", (1, 1)).save(tmp_path / "d.png")
    (tmp_path / "e.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (tmp_path / "f.jpg").symlink_to(tmp_path / "nowhere")
    folder = Folder(str(tmp_path))
    cases = list(folder.cases())
    assert [case.id for case in cases] == folder.ids() == ["a.png", "b.png", "c.png", "d.png", "e.heic", "f.jpg"]
    reasons = {case.id: case.reason for case in cases if isinstance(case, BrokenCase)}
    assert reasons == {
        "b.png": "not an image in a format that Pillow reads",
        "d.png": "too small: 1x1 pixels, each side must have at least 16",
        "e.heic": "not an image in a format that Pillow reads",
        "f.jpg": "cannot be opened: No such file or directory",
    }


def test_names_that_cannot_be_printed_get_ids_that_can(tmp_path: Path) -> None:
    put(tmp_path, "a\n.png", "a\t.png")
    Image.new("RGB", (20, 20)).save(os.fsencode(tmp_path) + b"/z\xff.png", "PNG")
    ids = Folder(str(tmp_path)).ids()
    assert ids == [
        "a\N{REPLACEMENT CHARACTER}.png",
        "a\N{REPLACEMENT CHARACTER}.png (2)",
        "z\N{REPLACEMENT CHARACTER}.png",
    ]
    assert [case.id for case in Folder(str(tmp_path)).cases()] == ids
    assert all(id_.encode() for id_ in ids)


def test_ids_read_no_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a.png")

    def refuse(*args: object) -> None:
        raise AssertionError("a photo was opened")

    monkeypatch.setattr(Image, "open", refuse)
    assert Folder(str(tmp_path)).ids() == ["a.png"]


@pytest.mark.parametrize("text", ["", "somewhere/else"])
def test_without_a_folder(text: str) -> None:
    with pytest.raises(UserError, match="needs a path" if not text else "somewhere/else: No such file or directory"):
        Folder(text).ids()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    with pytest.raises(UserError, match=r"a\.png: Not a directory"):
        list(Folder(str(tmp_path / "a.png")).cases())


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no photo"):
        Folder(str(tmp_path)).ids()


def test_without_captions_file_captions_are_empty(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    assert captions(Folder(str(tmp_path))) == {"a.png": ""}


def test_captions_file_in_the_folder(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "b.png", "c.png")
    (tmp_path / "captions.csv").write_text('name,caption\na.png,"a woman, laughing"\n\nc.png, a man \n')
    assert captions(Folder(str(tmp_path))) == {"a.png": "a woman, laughing", "b.png": "", "c.png": "a man"}


def test_tab_separated_captions_with_a_byte_order_mark(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "b.png")
    (tmp_path / "captions.txt").write_text(
        "\ufeffa.png\ta woman, laughing\r\nb.png\tein Mann l\u00e4chelt", encoding="utf-8"
    )
    assert captions(Folder(str(tmp_path))) == {"a.png": "a woman, laughing", "b.png": "ein Mann l\u00e4chelt"}


def test_a_captions_file_elsewhere_comes_first(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    (tmp_path / "captions.csv").write_text("a.png,from the folder\n")
    (tmp_path / "other.csv").write_text("a.png,from elsewhere\n")
    assert captions(Folder(str(tmp_path), str(tmp_path / "other.csv"))) == {"a.png": "from elsewhere"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("captions.csv", b"a.png,one\nb.pgn,two\n", r"line 2: no photo 'b.pgn' in the folder; did you mean 'b.png'"),
        ("captions.csv", b"a.png,one\na.png,two\n", r"line 2: a second caption for 'a.png'"),
        ("captions.csv", b"a.png,one,two\n", r"line 1: expected name,caption, found 3"),
        ("captions.csv", b'a.png,"one\n', r"captions\.csv, line 1: unexpected end of data"),
        ("captions.txt", b"a.png one\n", r"line 1: expected name<TAB>caption, found 1"),
        ("captions.txt", b"a.png\tl\xe4chelt\n", r"not UTF-8"),
    ],
)
def test_a_captions_file_with_a_mistake(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    put(tmp_path, "a.png", "b.png")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        list(Folder(str(tmp_path)).cases())


def test_a_captions_file_that_is_missing(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    with pytest.raises(UserError, match=r"captions file nowhere\.csv: No such file"):
        list(Folder(str(tmp_path), "nowhere.csv").cases())


def test_two_captions_files(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    (tmp_path / "captions.csv").touch()
    (tmp_path / "captions.txt").touch()
    with pytest.raises(UserError, match=r"both captions\.csv and captions\.txt"):
        list(Folder(str(tmp_path)).cases())


def test_reading_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "b.jpg")
    first, second = (list(Folder(str(tmp_path)).cases()) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert isinstance(one, Case)
        assert isinstance(other, Case)
        assert np.array_equal(one.photo, other.photo)
