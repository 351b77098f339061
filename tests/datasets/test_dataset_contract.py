"""Every registered dataset keeps the contract, and each rule of the contract catches who breaks it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from antibench.contracts import BrokenCase, Card, Case
from antibench.datasets.folder import Folder
from antibench.errors import UserError
from antibench.pixels import digest
from antibench.registry import DATASETS
from antibench.testing.dataset_contract import checks


def test_contract(tmp_path: Path) -> None:
    for number in range(3):
        Image.new("RGB", (20, 30), (number, 0, 0)).save(tmp_path / f"{number}.png")
    params: dict[str, dict[str, Any]] = {
        "folder": {"path": str(tmp_path)},
        "portraits": {"count": 2, "size": 32, "frames": 2},
    }
    assert [entry.name for entry in DATASETS.entries() if entry.origin == "antibench"] == list(params)
    for name, given in params.items():
        found = list(checks(DATASETS.load(name), **given))
        assert len(found) == 10
        assert [check for check in found if not check.ok] == []


@dataclass(frozen=True)
class Greys:
    """Keeps the contract: two grey photos with clips."""

    name: ClassVar[str] = "greys"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(title="Grey photos")

    def ids(self) -> list[str]:
        return ["grey-0", "grey-1"]

    def cases(self) -> Iterator[Case | BrokenCase]:
        for level, case_id in enumerate(self.ids()):
            clip = np.full((2, 8, 8, 3), level, dtype=np.uint8)
            yield Case(case_id, clip[0], "grey", digest(clip[0]), clip)


class Changed(Greys):
    """`Greys` with each case passed through `change`."""

    def change(self, case: Case) -> Case | BrokenCase:
        return case

    def cases(self) -> Iterator[Case | BrokenCase]:
        for case in super().cases():
            assert isinstance(case, Case)
            yield self.change(case)


class OneId(Changed):
    def ids(self) -> list[str]:
        return ["grey", "grey"]


class NoIds(Changed):
    def ids(self) -> list[str]:
        return []


class LineBreak(Changed):
    def ids(self) -> list[str]:
        return ["grey\n0", "grey-1"]


class WrongOrder(Changed):
    def cases(self) -> Iterator[Case | BrokenCase]:
        yield from reversed(list(super().cases()))


class TooFew(Changed):
    def cases(self) -> Iterator[Case | BrokenCase]:
        yield next(super().cases())


class Floats(Changed):
    def change(self, case: Case) -> Case:
        photo = case.photo.astype(np.float32)
        return replace(case, photo=photo, sha256=digest(photo))  # type: ignore[arg-type]


class WrongHash(Changed):
    def change(self, case: Case) -> Case:
        return replace(case, sha256="0" * 64)


class OtherClip(Changed):
    def change(self, case: Case) -> Case:
        assert case.clip is not None
        return replace(case, clip=case.clip + np.uint8(1))


class LongReason(Changed):
    def change(self, case: Case) -> BrokenCase:
        return BrokenCase(case.id, "first line\nsecond line")


class Moody(Changed):
    readings: ClassVar[list[int]] = []

    def change(self, case: Case) -> Case:
        self.readings.append(1)
        return replace(case, caption=f"reading {len(self.readings)}")


class DrawsGlobally(Changed):
    def change(self, case: Case) -> Case:
        random.random()
        return case


class Broken(Changed):
    def change(self, case: Case) -> BrokenCase:
        return BrokenCase(case.id, "cannot be read")


class Raises(Changed):
    def change(self, case: Case) -> Case:
        raise OSError("no disk")


def broken(plugin: type[Greys]) -> list[str]:
    return [check.name for check in checks(plugin) if not check.ok]


def test_a_good_dataset_passes() -> None:
    assert broken(Greys) == broken(Changed) == []


@pytest.mark.parametrize(
    ("plugin", "rule"),
    [
        (OneId, "ids are different"),
        (NoIds, "ids are different"),
        (LineBreak, "ids are different"),
        (WrongOrder, "cases come in the order"),
        (TooFew, "cases come in the order"),
        (Floats, "photos are 8-bit"),
        (WrongHash, "photos are 8-bit"),
        (OtherClip, "photos are 8-bit"),
        (LongReason, "photos are 8-bit"),
        (Moody, "reading again"),
        (DrawsGlobally, "global generators"),
        (Broken, "every case can be read"),
        (Raises, "can be made and read"),
    ],
)
def test_each_rule_catches_who_breaks_it(plugin: type[Greys], rule: str) -> None:
    assert any(name.startswith(rule) for name in broken(plugin))


def test_a_photo_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("not a photo")
    (check,) = (check for check in checks(Folder, path=str(tmp_path)) if not check.ok)
    assert check.detail == "a.png: not an image in a format that Pillow reads"


def test_a_folder_that_is_missing_is_the_users_to_mend(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        list(checks(Folder, path=str(tmp_path / "nowhere")))
