"""Captions of a folder of photos: a CSV file ``name,caption`` or a text file ``name<TAB>caption``, UTF-8."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator
from pathlib import Path

from antibench.errors import UserError, closest


def read_captions(path: Path, names: Collection[str]) -> dict[str, str]:
    """Captions by file name; a photo without one is not in the result.

    Empty lines are skipped, and so is a first line ``name,caption``.

    Args:
        path: A ``.csv`` file, or any other for the tab-separated form.
        names: The photos there are.

    Raises:
        UserError: if the file cannot be read, or a line has another form, names no photo or repeats one. Nothing is
            dropped in silence: a caption that reaches no photo is a mistake.
    """
    captions: dict[str, str] = {}
    for line, fields in _lines(path):
        if len(fields) != 2:
            form = "name,caption" if path.suffix.lower() == ".csv" else "name<TAB>caption"
            raise UserError(f"{path}, line {line}: expected {form}, found {len(fields)} field(s)")
        name, caption = (field.strip() for field in fields)
        if name not in names:
            raise UserError(f"{path}, line {line}: no photo {name!r} in the folder{closest(name, names)}")
        if name in captions:
            raise UserError(f"{path}, line {line}: a second caption for {name!r}; keep one")
        captions[name] = caption
    return captions


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The lines that hold something, with their numbers."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"captions file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"captions file {path}: not UTF-8 text; save it as UTF-8") from error
    rows = _csv_rows(path, text) if path.suffix.lower() == ".csv" else _tab_rows(text)
    for number, row in rows:
        if any(field.strip() for field in row) and not (number == 1 and row == ["name", "caption"]):
            yield number, row


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text), skipinitialspace=True, strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise UserError(f"captions file {path}, line {reader.line_num}: {error}") from error


def _tab_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.split("\n"), 1):
        yield number, line.split("\t", 1)
