"""A folder of one's own photos."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from antibench.contracts import BrokenCase, Card, Case
from antibench.datasets.captions import read_captions
from antibench.datasets.photo_file import UnreadablePhotoError, read_photo
from antibench.errors import UserError

# Files with these suffixes are cases even if they cannot be read, so that no photo goes missing in silence.
# fmt: off
_SUFFIXES = (
    ".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".jxl", ".png", ".ppm",
    ".tga", ".tif", ".tiff", ".webp",
)
# fmt: on
_CAPTION_FILES = ("captions.csv", "captions.txt")


@dataclass(frozen=True)
class Folder:
    """Every image file directly in a folder, in order of name.

    Attributes:
        path: The folder; relative to the working directory, as `captions` is.
        captions: Captions file (see `antibench.datasets.captions`); by default captions.csv or captions.txt in the
            folder, if there is one. A photo without a caption has an empty one.
    """

    path: str = ""
    captions: str = ""
    name: ClassVar[str] = "folder"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(title="A folder of photos, with a captions file if there is one")

    def ids(self) -> list[str]:
        """File names, with what cannot be printed replaced and made unique.

        Raises:
            UserError: if the folder is missing or holds no photo.
        """
        return _ids(self._files())

    def cases(self) -> Iterator[Case | BrokenCase]:
        """The photos, one in memory at a time.

        Raises:
            UserError: as `ids`, and for a captions file that cannot be used.
        """
        from antibench.pixels import digest  # loads torch, which planning does without

        files = self._files()
        captions = self._captions([file.name for file in files])
        for case_id, file in zip(_ids(files), files, strict=True):
            try:
                photo = read_photo(file)
            except UnreadablePhotoError as error:
                yield BrokenCase(case_id, str(error))
            else:
                yield Case(case_id, photo, captions.get(file.name, ""), digest(photo))

    def _files(self) -> list[Path]:
        if not self.path:
            raise UserError("dataset 'folder' needs a path: --images DIR, or path = \"DIR\" in the suite")
        try:
            photos = [file for file in Path(self.path).iterdir() if _is_photo(file)]
        except OSError as error:
            raise UserError(f"folder of photos {self.path}: {error.strerror}") from error
        if not photos:
            raise UserError(f"folder {self.path} holds no photo (.jpg, .png, .webp and the like)")
        return sorted(photos, key=lambda file: file.name)

    def _captions(self, names: list[str]) -> dict[str, str]:
        if self.captions:
            return read_captions(Path(self.captions), names)
        found = [file for name in _CAPTION_FILES if (file := Path(self.path) / name).is_file()]
        if len(found) > 1:
            raise UserError(f"folder {self.path} holds both {' and '.join(_CAPTION_FILES)}; remove one")
        return read_captions(found[0], names) if found else {}


def _is_photo(file: Path) -> bool:
    """By name alone; a link that leads nowhere counts, and fails as a case."""
    hidden = file.name.startswith(".")
    return not hidden and file.suffix.lower() in _SUFFIXES and (file.is_file() or not file.exists())


def _printable(name: str) -> str:
    """File names may hold line breaks and bytes that are not text; ids are printed and written to JSON."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in name)


def _ids(files: list[Path]) -> list[str]:
    unique: dict[str, None] = {}
    for name in (_printable(file.name) for file in files):
        candidate, number = name, 2
        while candidate in unique:
            candidate, number = f"{name} ({number})", number + 1
        unique[candidate] = None
    return list(unique)
